// SPDX-License-Identifier: Apache-2.0

public import MaitredControl
internal import MaitredSystem
internal import Synchronization

// The way into a master for other threads of the program that it is part of.
//
//      any thread ──send──> [mailbox] ──eventfd──> the master's loop ──answers──> continuation
//      any thread <──AsyncStream── EventHub
//
// 1. The master takes what is in the mailbox once a turn, as it does with the clients of the control socket.
// 2. A request gets exactly one answer: from the master, or, when it has ended, that it has.
// 3. Nobody waits for a reader of events: each stream keeps the newest 1,024 and drops the oldest.

/// Commands and events of a running master, for any thread.
public final class MasterHandle: Sendable {
    /// Events kept for one reader that is late.
    private static let keptEvents = 1024

    struct Letter: Sendable {
        let request: ControlRequest
        let answer: @Sendable (ControlReply) -> Void
    }

    private struct Box {
        var letters: [Letter] = []
        var readers: [Int: AsyncStream<EventRecord>.Continuation] = [:]
        var lastReader = 0
        var hasEnded = false
    }

    private let box = Mutex(Box())
    let bell: WakeDescriptor

    init() throws(SystemError) {
        bell = try WakeDescriptor()
    }

    /// Asks for something, and waits for the answer.
    ///
    /// - Parameter request: What; `events` is refused, as there is `events`.
    /// - Returns: The last answer.
    public func send(_ request: ControlRequest) async -> ControlReply {
        await withCheckedContinuation { continuation in
            post(Letter(request: request) { continuation.resume(returning: $0) })
        }
    }

    /// Stops the master: `run()` returns once the workers have finished.
    public func stop() {
        post(Letter(request: ControlRequest(.stop)) { _ in })
    }

    /// Everything that happens from now on; ends when the master does.
    public var events: AsyncStream<EventRecord> {
        let (stream, continuation) = AsyncStream<EventRecord>.makeStream(
            bufferingPolicy: .bufferingNewest(Self.keptEvents)
        )
        let number: Int? = box.withLock { box in
            guard !box.hasEnded else { return nil }
            box.lastReader += 1
            box.readers[box.lastReader] = continuation
            return box.lastReader
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.box.withLock { _ = $0.readers.removeValue(forKey: number) }
        }
        return stream
    }

    private func post(_ letter: Letter) {
        let isPosted = box.withLock { box in
            if !box.hasEnded { box.letters.append(letter) }
            return !box.hasEnded
        }
        if isPosted { bell.ring() } else { letter.answer(.failed("the master has ended")) }
    }

    // MARK: - The master's side

    /// What was asked since the last time.
    func takeLetters() -> [Letter] {
        bell.silence()
        return box.withLock { box in
            defer { box.letters = [] }
            return box.letters
        }
    }

    /// Tells every reader.
    func tell(_ record: EventRecord) {
        for reader in box.withLock({ Array($0.readers.values) }) { reader.yield(record) }
    }

    /// The master has ended: nobody waits for it any more.
    func end() {
        let (letters, readers) = box.withLock { box in
            defer { (box.letters, box.readers, box.hasEnded) = ([], [:], true) }
            return (box.letters, Array(box.readers.values))
        }
        for letter in letters { letter.answer(.failed("the master has ended")) }
        for reader in readers { reader.finish() }
    }
}
