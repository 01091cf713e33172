// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem

/// Both ends of a pipe, close-on-exec.
final class Pipe {
    private var reading: Descriptor?

    /// Where to write.
    let writing: Descriptor

    init() throws(TestFailure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestFailure("cannot create a pipe", errno: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = Descriptor(owning: ends[0])
        writing = Descriptor(owning: ends[1])
    }

    /// Gives the reading end away.
    func takeReading() -> Descriptor {
        guard let end = reading.take() else { preconditionFailure("the reading end was taken already") }
        return end
    }
}

/// What a program writes, collected line by line by a thread until everybody who holds the pipes is gone.
final class Transcript: Sendable {
    /// Where a line came from.
    enum Stream: CaseIterable {
        case output
        case errors
    }

    private struct State {
        var lines: [(stream: Stream, text: String)] = []
        var partial: [Stream: [UInt8]] = [:]
        var ended: Set<Stream> = []
    }

    private let output: Descriptor
    private let errors: Descriptor
    private let state = Guarded(State())

    init(_ output: consuming Descriptor, _ errors: consuming Descriptor) {
        self.output = output
        self.errors = errors
        pthread_detach(startThread { self.collect() })
    }

    /// The whole lines of one stream, or of both.
    func lines(of stream: Stream?) -> [String] {
        state.withLock { state in
            state.lines.filter { stream == nil || $0.stream == stream }.map(\.text)
        }
    }

    /// Whether everything that was written so far has been collected.
    var isDrained: Bool {
        // Reading happens under the lock, so what is in no pipe is in the lines.
        state.withLock { state in readable(besides: state.ended, milliseconds: 0).isEmpty }
    }

    private func number(of stream: Stream) -> Int32 {
        stream == .output ? output.number : errors.number
    }

    /// The streams that have something to read, or their end.
    private func readable(besides ended: Set<Stream>, milliseconds: Int32) -> [Stream] {
        let streams = Stream.allCases.filter { !ended.contains($0) }
        var entries = streams.map { pollfd(fd: number(of: $0), events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return [] }
        return zip(streams, entries).filter { $1.revents != 0 }.map { $0.0 }
    }

    private func collect() {
        while true {
            let ended = state.withLock { $0.ended }
            if ended.count == Stream.allCases.count { return }
            for stream in readable(besides: ended, milliseconds: -1) {
                state.withLock { read(stream, into: &$0) }
            }
        }
    }

    private func read(_ stream: Stream, into state: inout State) {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(number(of: stream), &chunk, chunk.count)
        if count < 0, errno == EINTR { return }
        if count <= 0 { state.ended.insert(stream) }
        // What the program wrote last counts as a line, ended or not.
        let news = count > 0 ? chunk[..<count] : state.partial[stream, default: []].isEmpty ? [] : [UInt8(ascii: "\n")]
        var text = state.partial[stream, default: []] + news
        while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
            state.lines.append((stream, String(decoding: text[..<end], as: UTF8.self)))
            text.removeSubrange(...end)
        }
        state.partial[stream] = text
    }
}
