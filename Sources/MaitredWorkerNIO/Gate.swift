// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The `Intake` as event loops, poller and application share it: one lock, and the bell rung whenever it must be.
final class Gate: Sendable {
    private let intake: Mutex<Intake>

    /// Wakes the poller.
    let bell: Bell

    init(loops: Int, listeners: Int) throws {
        intake = Mutex(Intake(loops: loops, listeners: listeners))
        bell = try Bell()
    }

    /// CLOCK_MONOTONIC in nanoseconds.
    static func now() -> UInt64 {
        var time = timespec()
        _ = clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Whether a loop may take the next connection of its turn.
    func mayTakeNext(isDrainAsked: Bool) -> Bool {
        intake.withLock { $0.mayTakeNext(isDrainAsked: isDrainAsked) }
    }

    /// Whether connections shall end.
    var isDraining: Bool { intake.withLock { $0.isDraining } }

    /// What the poller looks at next.
    func watch() -> Intake.Watch {
        intake.withLock { $0.watch(now: Self.now()) }
    }

    /// Gives an idle loop a turn; nil when there is none.
    func askLoop() -> Int? {
        intake.withLock { $0.askLoop(now: Self.now()) }
    }

    /// A connection was taken.
    func took() {
        intake.withLock { $0.took() }
    }

    /// Nothing waits in a channel.
    func foundEmpty(listener: Int) {
        intake.withLock { $0.foundEmpty(listener: listener) }
    }

    /// A channel's other end is closed and nothing waits in it.
    func exhausted(listener: Int) {
        intake.withLock { $0.exhausted(listener: listener) }
    }

    /// A loop has run its turn.
    func turnEnded(loop: Int, isLimited: Bool) {
        if intake.withLock({ $0.turnEnded(loop: loop, isLimited: isLimited, now: Self.now()) }) { bell.ring() }
    }

    /// A connection was closed.
    func closed() {
        if intake.withLock({ $0.closed() }) { bell.ring() }
    }

    /// Nothing more shall be taken.
    ///
    /// - Returns: Whether this is news.
    func drain() -> Bool {
        let isNews = intake.withLock { $0.drain() }
        bell.ring()
        return isNews
    }

    /// The master is gone for good.
    ///
    /// - Returns: Whether the server did not drain yet.
    func masterLeft() -> Bool {
        let isNews = intake.withLock { $0.masterLeft() }
        bell.ring()
        return isNews
    }
}
