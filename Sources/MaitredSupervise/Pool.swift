// SPDX-License-Identifier: Apache-2.0

// The slots of the pool: each has a worker, waits for one, or has failed. While its worker is being replaced a slot has
// a second one, the successor.
//
//                 timePassed,                          orderSuccessor
//                 orderSuccessor                  ┌───────────────────────┐
//      vacant ────────────────────────> occupied ─┘                       └─> occupied + successor
//        ^  ^                            │    ^                                        │
//        │  └──────── ended ─────────────┤    └── promote (the former one is nobody's) ┤
//        │                               │    ├── ended (the successor takes over)     │
//        │ revive, scale                 v    └── ended, abandonSuccessor (no change) ─┘
//        └──────────────────────────── failed ── orderSuccessor ──> occupied
//
//      scale(to:) removes the highest slots: their workers are nobody's.     stop(): no slot is filled any more.
//
// 1. Worker ids count up and are never used again; so do generations, also after a revert.
// 2. Only an occupied slot has a successor, and no more than one.
// 3. A worker that is nobody's changes nothing by its end.
// 4. A slot answers for its occupant alone: a successor that fails counts nothing against it.

/// A worker to be started.
package struct SpawnOrder: Equatable, Sendable {
    /// Its number.
    package let id: Int
    /// Its place.
    package let slot: Int
    /// The settings that it is started with: 1, and one more with every reload.
    package let generation: Int
}

/// A worker that a slot has.
package struct SlotWorker: Equatable, Sendable {
    /// Its number.
    package let id: Int
    /// The settings that it was started with.
    package let generation: Int
}

/// What a slot is doing, as reports show it.
package enum SlotState: Equatable, Sendable {
    /// It gets a worker at that moment.
    case vacant(until: Instant)
    /// It has a worker.
    case occupied(SlotWorker)
    /// It gets none until somebody revives it.
    case failed
}

/// What became of a slot whose worker ended.
package enum SlotOutcome: Equatable, Sendable {
    /// The successor starts after this time; so many failed in a row with this one, 0 when this was no failure.
    case restarting(after: Duration, failures: Int)
    /// Another worker has the slot: the successor of the one that ended, or the occupant when a successor ended.
    case taken(by: Int)
    /// It gets no successor: too many failures in a row.
    case failed
    /// It gets no successor from this end: the worker was nobody's any more, or the pool is being stopped.
    case closed
}

/// The slots and who has them.
package struct Pool: Equatable, Sendable {
    private struct Slot: Equatable {
        var state: SlotState
        /// Starts beside the occupant to take its place.
        var successor: SlotWorker?
        /// Failures in a row.
        var failures = 0
        /// Workers that the slot has had.
        var started = 0

        var occupant: SlotWorker? { if case .occupied(let worker) = state { worker } else { nil } }
    }

    private var slots: [Slot]
    private var nextID = 1
    private var newestGeneration = 1
    private var isStopping = false

    /// How ended workers are replaced.
    package var policy: RestartPolicy

    /// The settings that workers are started with from now on.
    package private(set) var generation = 1

    /// A pool whose slots all want a worker at once.
    package init(size: Int, policy: RestartPolicy, at now: Instant) {
        slots = Array(repeating: Slot(state: .vacant(until: now)), count: size)
        self.policy = policy
    }

    // MARK: - Questions

    /// Number of slots.
    package var size: Int { slots.count }

    /// Whether every slot has failed: nothing can be served any more.
    package var hasFailed: Bool { !slots.isEmpty && slots.allSatisfy { $0.state == .failed } }

    /// Whether no slot has a worker, each after so many failures in a row, or failed for good.
    package func hasFailed(attempts: Int) -> Bool {
        !slots.isEmpty
            && slots.allSatisfy { $0.occupant == nil && ($0.state == .failed || $0.failures >= attempts) }
    }

    /// Slots that have failed.
    package var failedSlots: [Int] { slots.indices.filter { slots[$0].state == .failed } }

    /// What a slot is doing.
    package func state(of slot: Int) -> SlotState { slots[slot].state }

    /// The worker that a slot answers for.
    package func occupant(of slot: Int) -> SlotWorker? { slots[slot].occupant }

    /// The worker that is to take the occupant's place once it is ready.
    package func successor(of slot: Int) -> SlotWorker? { slots[slot].successor }

    /// How many workers of a slot failed in a row.
    package func failures(of slot: Int) -> Int { slots[slot].failures }

    /// How many workers a slot has had after its first.
    package func restarts(of slot: Int) -> Int { max(0, slots[slot].started - 1) }

    /// When `timePassed(at:)` has something to do, nil when nothing is planned.
    package var deadline: Instant? {
        if isStopping { return nil }
        return slots.compactMap { if case .vacant(let until) = $0.state { until } else { nil } }.min()
    }

    // MARK: - Starts and ends

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
            guard case .vacant(let until) = slots[slot].state, now >= until else { continue }
            orders.append(occupy(slot))
        }
        return orders
    }

    private mutating func occupy(_ slot: Int) -> SpawnOrder {
        let order = nextOrder(slot)
        slots[slot].state = .occupied(SlotWorker(id: order.id, generation: generation))
        return order
    }

    private mutating func nextOrder(_ slot: Int) -> SpawnOrder {
        defer { nextID += 1 }
        slots[slot].started += 1
        return SpawnOrder(id: nextID, slot: slot, generation: generation)
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
        guard slots.indices.contains(slot), let occupant = slots[slot].occupant else { return .closed }
        if slots[slot].successor?.id == id {
            slots[slot].successor = nil
            return isStopping ? .closed : .taken(by: occupant.id)
        }
        guard occupant.id == id else { return .closed }
        let verdict =
            wasAsked || isStopping
            ? .restart(after: .zero) : policy.judge(readyFor: readyFor, failures: &slots[slot].failures)
        if let successor = slots[slot].successor {
            slots[slot].state = .occupied(successor)
            slots[slot].successor = nil
            return isStopping ? .closed : .taken(by: successor.id)
        }
        if isStopping {
            slots[slot].state = .vacant(until: .never)
            return .closed
        }
        switch verdict {
        case .restart(let delay):
            slots[slot].state = .vacant(until: now + delay)
            return .restarting(after: delay, failures: wasAsked ? 0 : slots[slot].failures)
        case .fail:
            slots[slot].state = .failed
            return .failed
        }
    }

    // MARK: - Surge

    /// Orders the worker that is to take an occupant's place, or the place itself when nobody has it.
    ///
    /// The slot's failures are forgotten: this is a new beginning. For a worker that cannot be started, call `ended`.
    ///
    /// - Precondition: The slot has no successor, and the pool is not being stopped.
    package mutating func orderSuccessor(slot: Int) -> SpawnOrder {
        precondition(slots[slot].successor == nil, "slot \(slot) has a successor already")
        precondition(!isStopping, "nobody is started while the pool is being stopped")
        slots[slot].failures = 0
        guard slots[slot].occupant != nil else { return occupy(slot) }
        let order = nextOrder(slot)
        slots[slot].successor = SlotWorker(id: order.id, generation: generation)
        return order
    }

    /// A successor is ready and takes its slot.
    ///
    /// - Returns: The former occupant, which is nobody's from now on; nil when there is none, or `id` is no successor.
    package mutating func promote(_ id: Int) -> Int? {
        guard let slot = slots.firstIndex(where: { $0.successor?.id == id }), let successor = slots[slot].successor
        else { return nil }
        let former = slots[slot].occupant?.id
        slots[slot].state = .occupied(successor)
        slots[slot].successor = nil
        return former
    }

    /// A successor is given up before it was ready: it is nobody's from now on.
    ///
    /// One that took over from an occupant that ended keeps the slot until its own end.
    package mutating func abandonSuccessor(_ id: Int) {
        guard let slot = slots.firstIndex(where: { $0.successor?.id == id }) else { return }
        slots[slot].successor = nil
    }

    // MARK: - Generations

    /// New settings: who is started from now on gets them.
    ///
    /// - Returns: Their number, which was never used before.
    package mutating func beginGeneration() -> Int {
        newestGeneration += 1
        generation = newestGeneration
        return generation
    }

    /// The new settings did not work: who is started from now on gets earlier ones.
    package mutating func revertGeneration(to earlier: Int) {
        precondition((1...newestGeneration).contains(earlier), "generation \(earlier) never was")
        generation = earlier
    }

    // MARK: - Size

    /// Changes the number of slots, and gives those that failed another chance.
    ///
    /// New slots want a worker at once; the highest go first.
    ///
    /// - Returns: Workers to drain, occupants and successors; they are nobody's from now on.
    package mutating func scale(to size: Int, at now: Instant) -> [Int] {
        precondition(size >= 0, "a pool has no negative size")
        let removed = slots.dropFirst(size)
        slots.removeLast(removed.count)
        while slots.count < size { slots.append(Slot(state: .vacant(until: now))) }
        revive(at: now)
        return removed.flatMap { [$0.occupant?.id, $0.successor?.id] }.compactMap(\.self)
    }

    /// Forgets all failures: every slot without a worker gets one at once.
    package mutating func revive(at now: Instant) {
        for slot in slots.indices { revive(slot: slot, at: now) }
    }

    /// Forgets a slot's failures: without a worker it gets one at once.
    package mutating func revive(slot: Int, at now: Instant) {
        guard !isStopping, slots.indices.contains(slot) else { return }
        slots[slot].failures = 0
        switch slots[slot].state {
        case .vacant(let until): slots[slot].state = .vacant(until: min(until, now))
        case .failed: slots[slot].state = .vacant(until: now)
        case .occupied: break
        }
    }

    /// Fills no slot from now on.
    package mutating func stop() {
        isStopping = true
    }
}
