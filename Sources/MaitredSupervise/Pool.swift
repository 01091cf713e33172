// SPDX-License-Identifier: Apache-2.0

// The slots of the pool: each has a worker, waits for one, or has failed.
//
//      vacant(until) ──timePassed──> occupied(id) ──workerEnded──> vacant(until) | failed
//            ^                            │
//            └───────── spawnFailed ──────┘        stop(): no slot is filled any more
//
// Worker ids count up and are never used again.

/// A worker to be started.
package struct SpawnOrder: Equatable, Sendable {
    /// Its number.
    package let id: Int
    /// Its place.
    package let slot: Int
}

/// What became of a slot whose worker ended.
package enum SlotOutcome: Equatable, Sendable {
    /// The successor starts after this time.
    case restarting(after: Duration)
    /// It gets no successor: too many failures in a row.
    case failed
    /// It gets no successor: the pool is being stopped.
    case closed
}

/// The slots and who has them.
package struct Pool: Equatable, Sendable {
    private enum Slot: Equatable {
        case vacant(until: Instant)
        case occupied(id: Int)
        case failed
    }

    private var slots: [Slot]
    private var failures: [Int]
    private var nextID = 1
    private var isStopping = false

    /// How ended workers are replaced.
    package var policy: RestartPolicy

    /// A pool whose slots all want a worker at once.
    package init(size: Int, policy: RestartPolicy, at now: Instant) {
        slots = Array(repeating: .vacant(until: now), count: size)
        failures = Array(repeating: 0, count: size)
        self.policy = policy
    }

    /// Number of slots.
    package var size: Int { slots.count }

    /// Whether every slot has failed: nothing can be served any more.
    package var hasFailed: Bool { slots.allSatisfy { $0 == .failed } }

    /// Slots that have failed.
    package var failedSlots: [Int] { slots.indices.filter { slots[$0] == .failed } }

    /// When `timePassed(at:)` has something to do, nil when nothing is planned.
    package var deadline: Instant? {
        if isStopping { return nil }
        return slots.compactMap { if case .vacant(let until) = $0 { until } else { nil } }.min()
    }

    /// Fills the slots whose time has come.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - limit: The most workers to start; the others' time stays come.
    /// - Returns: Workers to start now; for each that cannot be started, call `ended`.
    package mutating func timePassed(at now: Instant, limit: Int = .max) -> [SpawnOrder] {
        if isStopping { return [] }
        var orders: [SpawnOrder] = []
        for slot in slots.indices where orders.count < limit {
            guard case .vacant(let until) = slots[slot], now >= until else { continue }
            orders.append(SpawnOrder(id: nextID, slot: slot))
            slots[slot] = .occupied(id: nextID)
            nextID += 1
        }
        return orders
    }

    /// A worker ended or could not be started.
    ///
    /// - Parameters:
    ///   - id: The worker; one that has been replaced already changes nothing.
    ///   - slot: Its slot.
    ///   - readyFor: How long it was ready, nil when it never was.
    ///   - wasAsked: Whether the master had asked for the end: then no failure is counted.
    ///   - now: The moment.
    /// - Returns: What becomes of the slot.
    package mutating func ended(
        id: Int,
        slot: Int,
        readyFor: Duration?,
        wasAsked: Bool,
        at now: Instant
    ) -> SlotOutcome {
        guard slots.indices.contains(slot), slots[slot] == .occupied(id: id) else { return .closed }
        if isStopping {
            slots[slot] = .vacant(until: .never)
            return .closed
        }
        if wasAsked {
            slots[slot] = .vacant(until: now)
            return .restarting(after: .zero)
        }
        switch policy.judge(readyFor: readyFor, failures: &failures[slot]) {
        case .restart(let delay):
            slots[slot] = .vacant(until: now + delay)
            return .restarting(after: delay)
        case .fail:
            slots[slot] = .failed
            return .failed
        }
    }

    /// Fills no slot from now on.
    package mutating func stop() {
        isStopping = true
    }
}
