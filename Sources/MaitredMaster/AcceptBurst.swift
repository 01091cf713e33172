// SPDX-License-Identifier: Apache-2.0

// How many connections to accept before asking epoll again.
//
// Accepting until the kernel says EAGAIN costs one failing call per wakeup, which is as dear as a third of a handoff, and
// at most loads a wakeup has one connection. So a turn that had to wait accepts one and asks again; as long as the
// answer comes without waiting, more are there, and every turn accepts twice as many as the last, up to the bound.

/// The number of accepts in a turn, from whether the turns had to wait.
struct AcceptBurst: Equatable {
    /// A wait that took no longer than this did not sleep: a call that finds an event ready takes about 1 µs.
    private static let longestReadyNanoseconds: UInt64 = 4000

    /// Accepts allowed in this turn.
    private(set) var size = 1

    /// A turn begins.
    ///
    /// - Parameter nanoseconds: How long the wait for its first event took.
    mutating func begin(waited nanoseconds: UInt64) {
        size = nanoseconds > Self.longestReadyNanoseconds ? 1 : min(size * 2, Handoff.stepsPerTurn)
    }
}
