// SPDX-License-Identifier: Apache-2.0

// The life of one worker, from its start to the exit of its first process.
//
//                 reportedReady                drainRequested
//      starting ────────────────> ready ───────────────────────────> draining
//         │  │                      │                                 │    │
//         │  └── drainRequested ────┼───────────────┐                 │    │ becameIdle, timePassed,
//         │ timePassed (start       │ exited        v                 │    │ hurried, killed
//         │ timeout), killed        │ killed ──> stopping <───────────┼────┘
//         │                         │            │   │ timePassed     │
//         └── exited ───────────────┴──> exited <┘   │ (kill timeout), │ exited
//                                          ^         │ hurried, killed │
//                                          └─────────┴─────────────────┘
//
// 1. Only a ready worker is in the rotation; leaving `ready` leaves the rotation.
// 2. Every state but `ready` and `exited` has a deadline, or has already been given SIGKILL.
// 3. An exit is *asked* when the master began the stop; every other exit is the slot's to answer for. A worker that is
//    killed because it hangs was not asked, unless it was on its way out already.

/// What the master does for a worker because its machine says so.
package enum WorkerAction: Equatable, Sendable {
    /// Give it connections from now on.
    case enterRotation
    /// Give it none, and take back what it has not taken.
    case leaveRotation
    /// Tell it to take no more and finish: control packet, page flag, drain signal.
    case requestDrain
    /// Send its first process the stop signal.
    case stop
    /// Send SIGKILL to its first process and everything in its group.
    case kill
    /// It was not ready in time.
    case reportStartTimeout
}

/// How a worker ended, as its slot must judge it.
package struct WorkerEnd: Equatable, Sendable {
    /// Whether the master asked for it.
    package let wasAsked: Bool
    /// How long it was ready; nil when it never was.
    package let readyFor: Duration?
    /// Whether SIGKILL was needed.
    package let wasKilled: Bool
}

/// How long a worker may take for each step of its life.
package struct WorkerTimeouts: Equatable, Sendable {
    /// From the start to ready.
    package var start: Duration
    /// From the drain to the stop signal.
    package var drain: Duration
    /// From the stop signal to SIGKILL.
    package var kill: Duration

    /// Groups the three.
    package init(start: Duration, drain: Duration, kill: Duration) {
        self.start = start
        self.drain = drain
        self.kill = kill
    }
}

/// The life of one worker as a value: events in, actions out.
package struct WorkerMachine: Equatable, Sendable {
    /// The states' names, as `status` and the log show them.
    package enum Phase: String, Equatable, Sendable {
        /// Started, not yet ready.
        case starting
        /// In the rotation.
        case ready
        /// Out of the rotation, finishing what is open.
        case draining
        /// Told to end.
        case stopping
        /// Ended.
        case exited
    }

    private enum State: Equatable {
        /// Started and not yet ready. The deadline is the start timeout's.
        case starting(deadline: Instant)
        /// Ready since the moment given.
        case ready(since: Instant)
        /// Out of the rotation; the deadline is the drain timeout's. The request went out once its queue was empty.
        case draining(deadline: Instant, wasRequested: Bool)
        /// The stop signal was sent; no deadline once it was killed.
        case stopping(deadline: Instant?)
        /// The first process has ended.
        case exited
    }

    private var state: State
    /// How long each step may take; a change counts for steps that begin later.
    package var timeouts: WorkerTimeouts

    private let startedAt: Instant
    private var readyAt: Instant?
    /// How long it was ready, once it is so no longer: a drain must not turn a short life into a long one.
    private var readyFor: Duration?
    private var wasAsked = false
    private var wasKilled = false

    /// A worker whose process was just started.
    package init(timeouts: WorkerTimeouts, at now: Instant) {
        self.timeouts = timeouts
        startedAt = now
        state = .starting(deadline: now + timeouts.start)
    }

    /// Where in its life the worker is.
    package var phase: Phase {
        switch state {
        case .starting: .starting
        case .ready: .ready
        case .draining: .draining
        case .stopping: .stopping
        case .exited: .exited
        }
    }

    /// When `timePassed(at:)` has something to do.
    package var deadline: Instant? {
        switch state {
        case .starting(let deadline): deadline
        case .draining(let deadline, _): deadline
        case .stopping(let deadline): deadline
        case .ready, .exited: nil
        }
    }

    /// Since when it has been ready; nil before, and once it is on its way out.
    package var readySince: Instant? {
        if case .ready(let since) = state { since } else { nil }
    }

    /// How long it took to become ready, nil while it is not.
    package var startDuration: Duration? { readyAt.map { $0 - startedAt } }

    /// The worker said that it takes connections.
    ///
    /// Said twice, or too late, it changes nothing.
    package mutating func reportedReady(at now: Instant) -> [WorkerAction] {
        switch state {
        case .starting:
            state = .ready(since: now)
            readyAt = now
            return [.enterRotation]
        case .ready, .draining, .stopping, .exited:
            return []
        }
    }

    /// The master wants the worker to finish and end.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - latest: When the drain ends even if its own timeout has not passed.
    ///   - isOwnFault: Whether the worker is the reason, so that its slot answers for the exit.
    /// - Returns: What to do.
    package mutating func drainRequested(
        at now: Instant,
        until latest: Instant = .never,
        isOwnFault: Bool = false
    ) -> [WorkerAction] {
        switch state {
        case .starting:
            wasAsked = !isOwnFault
            state = .stopping(deadline: now + timeouts.kill)
            return [.stop]
        case .ready(let since):
            wasAsked = !isOwnFault
            readyFor = now - since
            state = .draining(deadline: min(now + timeouts.drain, latest), wasRequested: false)
            return [.leaveRotation]
        case .draining, .stopping, .exited:
            return []
        }
    }

    /// Its channels are empty: what was queued was taken, by it or by others.
    ///
    /// Now it may be told to take no more.
    package mutating func queueEmptied() -> [WorkerAction] {
        switch state {
        case .draining(let deadline, wasRequested: false):
            state = .draining(deadline: deadline, wasRequested: true)
            return [.requestDrain]
        case .starting, .ready, .draining, .stopping, .exited:
            return []
        }
    }

    /// It holds no connection and none is queued for it.
    package mutating func becameIdle(at now: Instant) -> [WorkerAction] {
        switch state {
        case .draining(_, wasRequested: true):
            state = .stopping(deadline: now + timeouts.kill)
            return [.stop]
        case .starting, .ready, .draining, .stopping, .exited:
            return []
        }
    }

    /// Somebody asked a second time: the next step comes at once.
    package mutating func hurried(at now: Instant) -> [WorkerAction] {
        switch state {
        case .starting, .ready:
            return drainRequested(at: now)
        case .draining:
            state = .stopping(deadline: now + timeouts.kill)
            return [.stop]
        case .stopping:
            state = .stopping(deadline: nil)
            wasKilled = true
            return [.kill]
        case .exited:
            return []
        }
    }

    /// The worker cannot be left running, as it hangs or has grown beyond all limits: no step is waited for.
    ///
    /// Its exit is judged as if it had crashed now.
    package mutating func killed(at now: Instant) -> [WorkerAction] {
        var actions = [WorkerAction.kill]
        switch state {
        case .ready(let since):
            readyFor = now - since
            actions = [.leaveRotation, .kill]
        case .starting, .draining, .stopping(deadline: .some):
            break
        case .stopping(deadline: nil), .exited:
            return []
        }
        state = .stopping(deadline: nil)
        wasKilled = true
        return actions
    }

    /// Time went by; does what the deadline asks for once it is reached.
    package mutating func timePassed(at now: Instant) -> [WorkerAction] {
        guard let deadline, now >= deadline else { return [] }
        switch state {
        case .starting:
            state = .stopping(deadline: nil)
            wasKilled = true
            return [.reportStartTimeout, .kill]
        case .draining:
            state = .stopping(deadline: now + timeouts.kill)
            return [.stop]
        case .stopping:
            state = .stopping(deadline: nil)
            wasKilled = true
            return [.kill]
        case .ready, .exited:
            return []
        }
    }

    /// The whole machine slept: the worker had no chance to be in time, so its start begins anew.
    ///
    /// A sleep of less than half of the time for a start changes nothing.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - gap: For how long it may have slept; nil: restart whatever it was.
    package mutating func restartClocks(at now: Instant, after gap: Duration?) {
        if let gap, gap <= timeouts.start / 2 { return }
        if case .starting = state { state = .starting(deadline: now + timeouts.start) }
    }

    /// The first process has ended.
    package mutating func exited(at now: Instant) -> WorkerEnd {
        precondition(state != .exited, "illegal transition: a worker exits once")
        if case .ready(let since) = state { readyFor = now - since }
        state = .exited
        return WorkerEnd(wasAsked: wasAsked, readyFor: readyFor, wasKilled: wasKilled)
    }
}
