// SPDX-License-Identifier: Apache-2.0

/// How many connections wait in one worker's channels, by the master's own count.
///
/// The count is a cache of what the kernel knows. Hands and takes move it; `reconcile` sets it to the kernel's number.
/// Between the receive of a connection and the `taken` that reports it, the kernel's number is ahead of the page: such
/// takes are *owed*, and do not count a second time when they are reported. So the count may be briefly high, never low;
/// and what is owed counts as held until the page says so.
struct QueueCount {
    /// What waits.
    private(set) var queued = 0

    /// Takes the kernel has shown and the page has not reported yet.
    private var owed: UInt64 = 0

    /// Whether something was taken of which the page does not know yet, so that what it says is held is too little.
    var hasUnreportedTakes: Bool { owed > 0 }

    /// What the page said last.
    private(set) var taken: UInt64 = 0

    /// Connections that the worker holds, and has not counted yet.
    ///
    /// Of a worker that has never counted any take no more than one: it may be one that counts nothing.
    var unreported: Int { Int(clamping: taken > 0 ? owed : min(owed, 1)) }

    /// What was owed and taken when the last second began.
    private var before = (owed: UInt64(0), taken: UInt64(0))

    /// A connection was handed.
    mutating func handed() {
        queued += 1
    }

    /// The master took a connection back.
    mutating func tookBack() {
        queued = max(0, queued - 1)
    }

    /// The page reports the takes of the worker's whole life.
    ///
    /// A number that went back, or leapt beyond what was handed, is a fault of the worker: it can only make its own
    /// count low until the next reconcile.
    mutating func observe(taken reported: UInt64) {
        guard reported != taken else { return }
        let news = reported > taken ? reported - taken : 0
        taken = reported
        let repaid = min(news, owed)
        owed -= repaid
        queued -= Int(clamping: min(news - repaid, UInt64(queued)))
    }

    /// A second has passed: takes that were owed all along are not going to be reported.
    ///
    /// Whoever took them was killed before it counted, or does not count.
    mutating func beginSecond() {
        if owed == before.owed, taken == before.taken { owed = 0 }
        before = (owed, taken)
    }

    /// The kernel says what really waits.
    mutating func reconcile(waiting: Int) {
        if waiting < queued {
            owed += UInt64(queued - waiting)
        } else {
            owed -= min(owed, UInt64(waiting - queued))
        }
        queued = waiting
    }
}
