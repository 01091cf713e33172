// SPDX-License-Identifier: Apache-2.0

// How long to rest while every worker has work ahead.
//
// The longer the rest, the fewer the wakeups for the same connections: each costs the master a sleep, and a worker on the
// same processor what it had in the caches. Too long, and a worker runs out of work. How fast workers take is not asked:
// a rest should use up three eighths to three quarters of what the worker with the fewest had waiting, and the next is
// made longer or shorter to that end.

/// The length of a rest, learned from how far the queues went down in the last.
struct RestLength: Equatable {
    /// Where it begins, in nanoseconds; the kernel adds up to 50 µs, the timer slack.
    static let shortest = 50_000

    /// The most: what a signal, a request on the control socket or a client may wait for it.
    static let longest = 800_000

    /// The next rest.
    private(set) var nanoseconds = RestLength.shortest

    /// A rest is over.
    ///
    /// - Parameters:
    ///   - before: The fewest connections that waited for a worker when it began.
    ///   - after: The same at its end.
    mutating func rested(before: Int, after: Int) {
        // Twice as long, it would use up three quarters at most.
        if after * 4 < before {
            nanoseconds = max(Self.shortest, nanoseconds / 2)
        } else if after * 8 > before * 5 {
            nanoseconds = min(Self.longest, nanoseconds * 2)
        }
    }
}
