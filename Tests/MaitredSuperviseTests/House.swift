// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSupervise

/// The request that one worker be replaced.
func replacement(_ worker: Int, _ slot: Int, _ cause: ReplacementCause = .restart) -> RolloutRequest {
    .replacement(worker: worker, slot: slot, cause: cause)
}

/// The answer to a request.
func result(_ request: RolloutRequest, _ outcome: RolloutResult.Outcome, at now: Instant) -> RolloutResult {
    RolloutResult(request: request, outcome: outcome, endedAt: now)
}

/// A successor failed: in a house there is one reason only.
func failure(_ worker: Int, slot: Int) -> RolloutResult.Outcome {
    .failed(RolloutFailure(slot: slot, worker: worker, reason: "ended"))
}

/// A master without processes: a pool, a rollout, and workers that do as they are told by the test.
///
/// It carries out what the two say in the way the real one must, and records what must never happen.
struct House {
    enum Phase { case starting, ready, leaving }

    struct Worker {
        let slot: Int
        let generation: Int
        var phase = Phase.starting
        var wasReady = false
        var wasAsked = false
        /// Drained because its slot went away: such a worker may be one more than allowed.
        var isSurplus = false
    }

    private(set) var pool: Pool
    private(set) var rollout: Rollout
    private(set) var workers: [Int: Worker] = [:]
    private(set) var now = start
    private(set) var history: [RolloutAction] = []
    private(set) var mostAlive = 0

    /// Workers that cannot even be started, by the number of their generation.
    var brokenGenerations: Set<Int> = []

    private var lastID = 0
    private var openReloads: Set<Int> = []
    private var openReplacements: Set<Int> = []

    init(size: Int, spread: Duration = .zero) {
        let policy = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 4)
        pool = Pool(size: size, policy: policy, at: start)
        rollout = Rollout(spread: spread)
        wait(.zero)
    }

    /// A house whose workers 1, 2, … are ready.
    static func open(size: Int, spread: Duration = .zero) -> House {
        var house = House(size: size, spread: spread)
        house.welcomeAll()
        return house
    }

    var slots: [RolloutSlot] {
        pool.rolloutSlots { workers[$0]?.phase == .ready }
    }

    var results: [RolloutResult] {
        history.compactMap {
            switch $0 {
            case .finished(let result), .aborted(let result, _): result
            case .startSuccessor, .drain, .stepDone: nil
            }
        }
    }

    func ids(_ phase: Phase) -> [Int] {
        workers.filter { $0.value.phase == phase }.keys.sorted()
    }

    // MARK: - Wishes

    mutating func reload() {
        let generation = pool.beginGeneration()
        openReloads.insert(generation)
        perform(rollout.reload(to: generation, slots: slots, at: now))
    }

    mutating func replace(_ id: Int, _ cause: ReplacementCause = .restart) {
        openReplacements.insert(id)
        let slot = workers[id]?.slot ?? 0
        perform(rollout.replace(id, slot: slot, cause: cause, slots: slots, at: now))
    }

    mutating func scale(to size: Int) {
        for id in pool.scale(to: size, at: now) {
            drain(id)
            workers[id]?.isSurplus = true
        }
        // Former occupants of slots that are gone count as well.
        for (id, worker) in workers where worker.slot >= size { workers[id]?.isSurplus = true }
        check()
    }

    mutating func cancel() {
        pool.stop()
        perform(rollout.cancel(at: now))
    }

    // MARK: - Events

    mutating func wait(_ duration: Duration) {
        now = now + duration
        perform(rollout.timePassed(at: now, slots: slots))
        for order in pool.timePassed(at: now) { begin(order) }
        check()
    }

    /// A worker becomes ready.
    mutating func welcome(_ id: Int) {
        guard workers[id]?.phase == .starting else { return }
        workers[id]?.phase = .ready
        workers[id]?.wasReady = true
        _ = pool.promote(id)
        perform(rollout.successorReady(id, slots: slots, at: now))
        check()
    }

    mutating func welcomeAll() {
        for id in ids(.starting) { welcome(id) }
    }

    /// A worker ends.
    mutating func end(_ id: Int) {
        bury(id)
        check()
    }

    private mutating func bury(_ id: Int) {
        guard let worker = workers.removeValue(forKey: id) else { return }
        _ = pool.ended(
            id: id,
            slot: worker.slot,
            readyFor: worker.wasReady ? .seconds(5) : nil,
            wasAsked: worker.wasAsked,
            at: now
        )
        perform(rollout.workerEnded(id, wasReady: worker.wasReady, reason: "ended", slots: slots, at: now))
    }

    mutating func endAllLeaving() {
        for id in ids(.leaving) { end(id) }
    }

    /// Everybody behaves from now on, until nothing is left to do.
    mutating func settle() {
        for _ in 0..<400 {
            welcomeAll()
            endAllLeaving()
            wait(.seconds(1))
        }
    }

    // MARK: - Carrying out

    private mutating func perform(_ actions: [RolloutAction]) {
        for action in actions {
            history.append(action)
            switch action {
            case .startSuccessor(let slot):
                let order = pool.orderSuccessor(slot: slot)
                rollout.successorStarted(order.id)
                begin(order)
            case .drain(let id):
                if pool.occupant(of: workers[id]?.slot ?? 0)?.id == id {
                    Issue.record("drained before it was replaced")
                }
                drain(id)
            case .stepDone(_, let old, _):
                if let old, workers[old] != nil { Issue.record("a step ended before worker \(old)") }
            case .finished(let result):
                answered(result)
            case .aborted(let result, let generation):
                pool.revertGeneration(to: generation)
                answered(result)
            }
        }
    }

    private mutating func begin(_ order: SpawnOrder) {
        if order.id <= lastID { Issue.record("number \(order.id) came after \(lastID)") }
        lastID = order.id
        workers[order.id] = Worker(slot: order.slot, generation: order.generation)
        countAlive()
        if brokenGenerations.contains(order.generation) { bury(order.id) }
    }

    private mutating func drain(_ id: Int) {
        workers[id]?.phase = .leaving
        workers[id]?.wasAsked = true
    }

    private mutating func answered(_ result: RolloutResult) {
        switch result.request {
        case .reload(let generation):
            if openReloads.remove(generation) == nil { Issue.record("nobody waits for this answer: \(result)") }
        case .replacement(let id, _, let cause):
            if openReplacements.remove(id) == nil { Issue.record("nobody waits for this answer: \(result)") }
            if case .failed = result.outcome, cause != .restart, workers[id] != nil { openReplacements.insert(id) }
        }
    }

    // MARK: - What must hold

    private mutating func countAlive() {
        let alive = workers.values.count { !$0.isSurplus }
        mostAlive = max(mostAlive, alive)
        if alive > pool.size + 1 { Issue.record("\(alive) workers in \(pool.size) slots") }
    }

    private func check() {
        for slot in 0..<pool.size {
            if let id = pool.occupant(of: slot)?.id, workers[id] == nil {
                Issue.record("slot \(slot) has a dead worker")
            }
            if let id = pool.successor(of: slot)?.id, workers[id] == nil {
                Issue.record("slot \(slot) waits for the dead")
            }
            if pool.successor(of: slot) != nil, pool.occupant(of: slot) == nil { Issue.record("succeeds nobody") }
        }
    }

    /// Nothing is under way, and everybody was answered.
    func expectQuiet() {
        if rollout.isReloading || rollout.deadline != nil { Issue.record("the rollout never ends: \(rollout)") }
        if !openReloads.isEmpty { Issue.record("never answered: reloads \(openReloads)") }
        if !openReplacements.isEmpty { Issue.record("never answered: \(openReplacements)") }
        if pool.deadline != nil { Issue.record("somebody is still to be started") }
        for slot in 0..<pool.size where pool.state(of: slot) != .failed {
            let id = pool.occupant(of: slot)?.id
            if id.flatMap({ workers[$0]?.phase }) != .ready { Issue.record("slot \(slot) has no ready worker") }
        }
    }

    /// Failed slots get another chance.
    mutating func revive() {
        pool.revive(at: now)
    }
}
