// SPDX-License-Identifier: Apache-2.0

// Replacing workers that run: a reload, `restart ID`, and recycling. One worker more than there are slots, one at a time.
//
//               nextStep            successorReady                workerEnded (the old one)
//      idle ──────────────> starting ─────────────> draining ──────────────────────┐
//       ^                    │    │                                                v
//       │                    │    └── successorReady (there was no old one) ──> pausing
//       │                    └── workerEnded (the successor: the step failed) ──>  │
//       └──────────────────────────── timePassed (spread) ─────────────────────────┘
//
//      cancel(): everything that was wanted is answered, and nothing begins any more.
//
// 1. A step begins only when the one before it is over, its old worker has exited, and the spread has passed.
// 2. An old worker is drained only after its successor was ready.
// 3. A reload comes before replacements, takes each slot once, and ends with the first successor that fails. Slots without
//    a worker are its first steps: they need no second process.
// 4. A reload during a reload moves the target; the failure of a successor with the former target is nobody's.
// 5. Every request is answered exactly once. A recycling that failed is wanted again after `retryDelay`.

/// The replacing of running workers as a value: events in, actions out.
///
/// Every event takes the slots as they are after it: tell the pool first.
package struct Rollout: Equatable, Sendable {
    /// How long a worker is left alone after its recycling failed: 30 s, as long as the longest delay of a restart.
    package static let retryDelay = RestartPolicy.longestDelay

    private struct Step: Equatable {
        let request: RolloutRequest
        let slot: Int
        /// Who is to be replaced; nil in a slot without a worker.
        let old: Int?
        var oldHasEnded = false
        /// Who is waited for; nil until the master has said who it is.
        var new: Int?
    }

    private enum State: Equatable {
        case idle
        /// Waiting for the new worker to become ready.
        case starting(Step)
        /// Waiting for the old worker to exit.
        case draining(Step)
        /// Waiting until the next step may begin.
        case pausing(until: Instant)
        /// Nothing begins any more.
        case cancelled
    }

    private struct Wish: Equatable {
        let worker: Int
        let slot: Int
        let cause: ReplacementCause
        let notBefore: Instant

        var request: RolloutRequest { .replacement(worker: worker, slot: slot, cause: cause) }
    }

    private var state = State.idle
    /// The generation of the reload under way.
    private var target: Int?
    /// Slots that the reload under way has taken.
    private var taken: Set<Int> = []
    /// Replacements that wait, no worker twice.
    private var wishes: [Wish] = []
    /// The last generation that was rolled out.
    private var settled = 1

    /// Time between the end of one step and the begin of the next.
    package var spread: Duration

    /// How the last reload ended.
    package private(set) var lastReload: RolloutResult?
    /// How the last replacement ended.
    package private(set) var lastReplacement: RolloutResult?

    /// Nothing to replace.
    package init(spread: Duration) {
        self.spread = spread
    }

    // MARK: - Questions

    /// Whether a reload is under way.
    package var isReloading: Bool { target != nil }

    /// When `timePassed(at:slots:)` has something to do, nil when nothing is planned.
    package var deadline: Instant? {
        switch state {
        case .idle: wishes.map(\.notBefore).min()
        case .pausing(let until): until
        case .starting, .draining, .cancelled: nil
        }
    }

    /// How far the reload under way has come, nil without one.
    package func progress(slots: [RolloutSlot]) -> RolloutProgress? {
        guard let target else { return nil }
        let open = slots.indices.count { isOpen($0, slots, target) }
        return RolloutProgress(done: slots.count - open, total: slots.count)
    }

    // MARK: - Wishes

    /// Every slot is to get a worker of a new generation.
    ///
    /// - Parameters:
    ///   - generation: What the pool gives to those that it starts from now on.
    ///   - slots: The slots.
    ///   - now: The moment.
    /// - Returns: What to do.
    package mutating func reload(to generation: Int, slots: [RolloutSlot], at now: Instant) -> [RolloutAction] {
        var actions: [RolloutAction] = []
        if let target { actions.append(.finished(answer(.reload(generation: target), .overtaken, now))) }
        if state == .cancelled {
            return [.finished(answer(.reload(generation: generation), .cancelled, now))]
        }
        target = generation
        taken = []
        return actions + nextStep(slots, now)
    }

    /// One worker is to be replaced; one for which that is wanted already changes nothing.
    ///
    /// Somebody who asks for a restart does not wait for the end of a `retryDelay`.
    ///
    /// - Parameters:
    ///   - id: The worker.
    ///   - slot: Its slot.
    ///   - cause: Why.
    ///   - slots: The slots.
    ///   - now: The moment.
    /// - Returns: What to do.
    package mutating func replace(
        _ id: Int,
        slot: Int,
        cause: ReplacementCause,
        slots: [RolloutSlot],
        at now: Instant
    ) -> [RolloutAction] {
        let wish = Wish(worker: id, slot: slot, cause: cause, notBefore: now)
        if state == .cancelled { return [.finished(answer(wish.request, .cancelled, now))] }
        if case .replacement(id, _, _) = step?.request { return [] }
        if let index = wishes.firstIndex(where: { $0.worker == id }) {
            guard cause == .restart, wishes[index].notBefore > now else { return [] }
            wishes.remove(at: index)
        }
        wishes.append(wish)
        return nextStep(slots, now)
    }

    /// Everything is being stopped: nothing begins any more, and what was wanted is answered.
    package mutating func cancel(at now: Instant) -> [RolloutAction] {
        var requests = wishes.map(\.request)
        if case .replacement = step?.request, let request = step?.request { requests.insert(request, at: 0) }
        if let target { requests.insert(.reload(generation: target), at: 0) }
        (state, target, wishes) = (.cancelled, nil, [])
        return requests.map { .finished(answer($0, .cancelled, now)) }
    }

    // MARK: - Events

    /// The successor that `startSuccessor` asked for has this number, whether or not it can be started.
    package mutating func successorStarted(_ id: Int) {
        guard case .starting(var step) = state, step.new == nil else {
            preconditionFailure("illegal transition: nobody waits for a successor")
        }
        step.new = id
        state = .starting(step)
    }

    /// A worker became ready; any may be told, the one waited for must be promoted first.
    package mutating func successorReady(_ id: Int, slots: [RolloutSlot], at now: Instant) -> [RolloutAction] {
        guard case .starting(let step) = state, step.new == id else { return [] }
        guard let old = step.old, !step.oldHasEnded else { return end(step, id, slots, now) }
        state = .draining(step)
        return [.drain(worker: old)]
    }

    /// A worker ended or could not be started; any may be told.
    ///
    /// - Parameters:
    ///   - id: The worker.
    ///   - wasReady: Whether it had been ready.
    ///   - reason: What happened to it, for the answer.
    ///   - slots: The slots.
    ///   - now: The moment.
    /// - Returns: What to do.
    package mutating func workerEnded(
        _ id: Int,
        wasReady: Bool,
        reason: String,
        slots: [RolloutSlot],
        at now: Instant
    ) -> [RolloutAction] {
        var actions: [RolloutAction] = []
        for wish in wishes where wish.worker == id {
            actions.append(.finished(answer(wish.request, .overtaken, now)))
        }
        wishes.removeAll { $0.worker == id }
        switch state {
        case .starting(let step) where step.new == id:
            // A slot that was scaled away has no use for a successor.
            let isMoot = wasReady || !slots.indices.contains(step.slot)
            let failure = RolloutFailure(slot: step.slot, worker: id, reason: reason)
            return actions + fail(step, isMoot ? nil : failure, slots, now)
        case .starting(var step) where step.old == id:
            step.oldHasEnded = true
            state = .starting(step)
        case .draining(let step) where step.old == id:
            if let new = step.new { return actions + end(step, new, slots, now) }
        case .idle, .starting, .draining, .pausing, .cancelled:
            break
        }
        return actions
    }

    /// Time went by.
    package mutating func timePassed(at now: Instant, slots: [RolloutSlot]) -> [RolloutAction] {
        guard let deadline, now >= deadline else { return [] }
        return nextStep(slots, now)
    }
}

// MARK: - Steps

extension Rollout {
    private var step: Step? {
        switch state {
        case .starting(let step), .draining(let step): step
        case .idle, .pausing, .cancelled: nil
        }
    }

    /// Whether the reload still has to take a slot.
    private func isOpen(_ slot: Int, _ slots: [RolloutSlot], _ target: Int) -> Bool {
        if taken.contains(slot) { return false }
        return !slots[slot].isReady || slots[slot].occupant?.generation != target
    }

    /// Begins a step if none is under way and one is wanted.
    private mutating func nextStep(_ slots: [RolloutSlot], _ now: Instant) -> [RolloutAction] {
        guard step == nil, state != .cancelled else { return [] }
        var actions: [RolloutAction] = []
        let open = target.map { target in slots.indices.filter { isOpen($0, slots, target) } } ?? []
        if let target, open.isEmpty {
            self.target = nil
            settled = target
            actions.append(.finished(answer(.reload(generation: target), .done, now)))
        }
        if case .pausing(let until) = state {
            guard now >= until else { return actions }
            state = .idle
        }
        if let target, let slot = open.first(where: { slots[$0].occupant == nil }) ?? open.first {
            return actions + begin(.reload(generation: target), slot, slots, target)
        }
        while let index = wishes.firstIndex(where: { $0.notBefore <= now }) {
            let wish = wishes.remove(at: index)
            if slots.indices.contains(wish.slot), slots[wish.slot].occupant?.id == wish.worker {
                return actions + begin(wish.request, wish.slot, slots, nil)
            }
            actions.append(.finished(answer(wish.request, .overtaken, now)))
        }
        return actions
    }

    private mutating func begin(
        _ request: RolloutRequest,
        _ slot: Int,
        _ slots: [RolloutSlot],
        _ target: Int?
    ) -> [RolloutAction] {
        if let occupant = slots[slot].occupant, occupant.generation == target {
            // The pool has started it by itself, after a crash: it is as good as a successor once it is ready.
            state = .starting(Step(request: request, slot: slot, old: nil, new: occupant.id))
            return []
        }
        state = .starting(Step(request: request, slot: slot, old: slots[slot].occupant?.id, new: nil))
        return [.startSuccessor(slot: slot)]
    }

    private mutating func end(_ step: Step, _ new: Int, _ slots: [RolloutSlot], _ now: Instant) -> [RolloutAction] {
        var actions = [RolloutAction.stepDone(slot: step.slot, old: step.old, new: new)]
        switch step.request {
        case .reload(let generation):
            if generation == target { taken.insert(step.slot) }
        case .replacement:
            actions.append(.finished(answer(step.request, .done, now)))
        }
        return actions + rest(slots, now)
    }

    /// Ends a step whose successor is gone; without a failure it was nobody's fault.
    private mutating func fail(
        _ step: Step,
        _ failure: RolloutFailure?,
        _ slots: [RolloutSlot],
        _ now: Instant
    ) -> [RolloutAction] {
        var actions: [RolloutAction] = []
        switch step.request {
        case .reload(let generation):
            if let failure, generation == target {
                target = nil
                actions.append(.aborted(answer(step.request, .failed(failure), now), revertTo: settled))
            }
        case .replacement(let worker, let slot, let cause):
            actions.append(.finished(answer(step.request, failure.map { .failed($0) } ?? .overtaken, now)))
            if failure != nil, cause != .restart, !step.oldHasEnded {
                wishes.append(Wish(worker: worker, slot: slot, cause: cause, notBefore: now + Self.retryDelay))
            }
        }
        return actions + rest(slots, now)
    }

    private mutating func rest(_ slots: [RolloutSlot], _ now: Instant) -> [RolloutAction] {
        state = spread > .zero ? .pausing(until: now + spread) : .idle
        return nextStep(slots, now)
    }

    /// Keeps an answer for reports.
    private mutating func answer(
        _ request: RolloutRequest,
        _ outcome: RolloutResult.Outcome,
        _ now: Instant
    ) -> RolloutResult {
        let result = RolloutResult(request: request, outcome: outcome, endedAt: now)
        switch request {
        case .reload: lastReload = result
        case .replacement: lastReplacement = result
        }
        return result
    }
}
