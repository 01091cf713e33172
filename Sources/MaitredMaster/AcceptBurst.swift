// SPDX-License-Identifier: Apache-2.0

// How many connections to accept before asking epoll again.
//
// Accepting until the kernel says EAGAIN costs one failing call per wakeup, which is as dear as a third of a handoff;
// asking epoll after each costs a tenth. At most loads a wakeup has one connection, in a flood it has hundreds. Nobody
// says which it is, so it is found out: by trying for more now and then, and by keeping what was found to be there.

/// The number of accepts in a turn, learned from what the turns before it found.
struct AcceptBurst: Equatable {
    /// The most turns between two tries for more: a failing try then costs less than a hundredth of what it may save.
    static let mostPatience = 256

    /// The fewest.
    static let leastPatience = 4

    /// Accepts allowed in this turn, from 1 to `Handoff.stepsPerTurn`.
    private(set) var size = 1

    /// Full turns until the next try for more.
    private var turnsLeft = AcceptBurst.leastPatience

    /// Full turns between two tries: fewer when a try found more, more when it did not.
    private var patience = AcceptBurst.leastPatience

    /// A turn accepted as many as it was allowed: there may be more.
    mutating func wasFull() {
        turnsLeft -= 1
        guard turnsLeft <= 0, size < Handoff.stepsPerTurn else { return }
        patience = max(Self.leastPatience, patience / 2)
        turnsLeft = patience
        size *= 2
    }

    /// A turn found fewer than it was allowed.
    mutating func fellShort() {
        patience = min(Self.mostPatience, patience * 4)
        turnsLeft = patience
        size = max(1, size / 2)
    }
}
