// SPDX-License-Identifier: Apache-2.0

// Whether a worker that has something queued takes it. Liveness is progress of work, never "a process exists".
//
//                observed: something queued                observed: nothing taken for the
//      idle ──────────────────────────────────> waiting ──── stall timeout ────> verify ──> busy
//        ^                                        │  ^                             │          │
//        │              observed: nothing queued  │  └── verified: it did take ────┘          │ progressed
//        └────────────────────────────────────────┴───────────────────────────────────────────┘
//
// 1. Nobody is called busy on a counter's word: the caller asks the kernel first (`verify`).
// 2. Only taking something ends `busy`: a connection that was queued, or the knock left in its channel.
// 3. When the whole machine slept, every clock begins anew.

/// The first step of the progress ladder for one worker, as a value.
package struct ProgressLadder: Equatable, Sendable {
    private enum State: Equatable {
        /// Nothing to take.
        case idle
        /// Has had something to take since then, and had taken so many before.
        case waiting(since: Instant, taken: UInt64)
        /// Took nothing for the stall timeout; since then, and had taken so many.
        case busy(since: Instant, taken: UInt64)
    }

    private var state = State.idle

    /// No wait counts from before this moment: it took something then, or the machine slept.
    private var notBefore = Instant(nanoseconds: 0)

    /// A worker with nothing to take.
    package init() {}

    /// Whether it is out of the rotation because it takes nothing.
    package var isBusy: Bool { busySince != nil }

    /// Since when it takes nothing, nil when it does.
    package var busySince: Instant? {
        if case .busy(let since, _) = state { since } else { nil }
    }

    /// Whether a worker is busy and has reported takes since it became so, given how many it took in its life.
    package func hasTaken(_ taken: UInt64) -> Bool {
        if case .busy(_, let before) = state { before != taken } else { false }
    }

    /// Looks at the counters; to be called at every tick.
    ///
    /// - Parameters:
    ///   - queued: What waits in the worker's channels, by the master's count.
    ///   - queuedSince: When its queue last became non-empty.
    ///   - taken: How many it has taken in its life.
    ///   - stallTimeout: How long it may take nothing.
    ///   - now: The moment.
    /// - Returns: Whether the caller must ask the kernel what waits and call `verified`.
    package mutating func observed(
        queued: Int,
        queuedSince: Instant,
        taken: UInt64,
        stallTimeout: Duration,
        at now: Instant
    ) -> Bool {
        switch state {
        case .busy:
            return false
        case .idle, .waiting:
            guard queued > 0 else {
                state = .idle
                return false
            }
            var since = max(queuedSince, notBefore)
            if case .waiting(let earlier, let before) = state {
                since = before == taken ? max(earlier, queuedSince) : now
            }
            state = .waiting(since: since, taken: taken)
            return now - since >= stallTimeout
        }
    }

    /// The kernel's answer to `observed`.
    ///
    /// - Parameters:
    ///   - waiting: What really waits.
    ///   - expected: What the count said.
    ///   - now: The moment.
    /// - Returns: Whether the worker is busy from now on.
    package mutating func verified(waiting: Int, expected: Int, at now: Instant) -> Bool {
        guard case .waiting(let since, let taken) = state else { return false }
        if waiting == 0 {
            state = .idle
            return false
        }
        if waiting < expected {
            state = .waiting(since: now, taken: taken)
            return false
        }
        state = .busy(since: since, taken: taken)
        return true
    }

    /// The caller saw that one of the worker's channels stands still while others go on.
    package mutating func stoodStill(since: Instant, taken: UInt64) {
        state = .busy(since: since, taken: taken)
    }

    /// A busy worker took something.
    ///
    /// - Returns: How long it took nothing; nil when it was not busy.
    package mutating func progressed(at now: Instant) -> Duration? {
        guard case .busy(let since, _) = state else { return nil }
        state = .idle
        notBefore = now
        return now - since
    }

    /// The whole machine slept: what was not taken meanwhile is nobody's fault.
    package mutating func restartClocks(at now: Instant) {
        notBefore = now
        if case .waiting(_, let taken) = state { state = .waiting(since: now, taken: taken) }
    }
}
