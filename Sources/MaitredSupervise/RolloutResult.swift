// SPDX-License-Identifier: Apache-2.0

/// A slot as a rollout sees it at one moment.
package struct RolloutSlot: Equatable, Sendable {
    /// Who has it, nil while nobody does.
    package let occupant: SlotWorker?
    /// Whether the occupant is in its ready phase: neither starting nor on its way out.
    package let isReady: Bool

    /// Groups the two.
    package init(occupant: SlotWorker?, isReady: Bool) {
        self.occupant = occupant
        self.isReady = isReady
    }
}

extension Pool {
    /// The slots as a rollout wants to see them.
    ///
    /// - Parameter isReady: Whether a worker is in its ready phase.
    /// - Returns: One for each slot, in their order.
    package func rolloutSlots(isReady: (_ id: Int) -> Bool) -> [RolloutSlot] {
        (0..<size).map { slot in
            let occupant = occupant(of: slot)
            return RolloutSlot(occupant: occupant, isReady: occupant.map { isReady($0.id) } ?? false)
        }
    }
}

/// Why one worker is to be replaced.
package enum ReplacementCause: String, Equatable, Sendable {
    /// Somebody asked for it.
    case restart
    /// It uses too much memory.
    case memory
    /// It is too old.
    case age
    /// It has answered too many requests.
    case requests
}

/// Somebody's wish that workers be replaced.
package enum RolloutRequest: Equatable, Sendable {
    /// Every slot gets a worker of this generation.
    case reload(generation: Int)
    /// One worker gets a successor.
    case replacement(worker: Int, slot: Int, cause: ReplacementCause)
}

/// A successor that did not become ready.
package struct RolloutFailure: Equatable, Sendable {
    /// Its slot.
    package let slot: Int
    /// Its number.
    package let worker: Int
    /// What happened to it, in the caller's words.
    package let reason: String
}

/// The answer to a request.
package struct RolloutResult: Equatable, Sendable {
    /// How a request ended.
    package enum Outcome: Equatable, Sendable {
        /// Who was to be replaced has been, and is gone.
        case done
        /// The successor failed; who had the slot before still has it.
        case failed(RolloutFailure)
        /// Something else came first: a later reload, or the worker's own end.
        case overtaken
        /// Everything is being stopped.
        case cancelled
    }

    /// What was wanted.
    package let request: RolloutRequest
    /// How it ended.
    package let outcome: Outcome
    /// When it ended.
    package let endedAt: Instant
}

/// How far a reload has come.
package struct RolloutProgress: Equatable, Sendable {
    /// Slots that need no more.
    package let done: Int
    /// Slots that there are.
    package let total: Int

    /// Groups the two.
    package init(done: Int, total: Int) {
        self.done = done
        self.total = total
    }
}

/// What the master does because the rollout says so; to be carried out in order.
package enum RolloutAction: Equatable, Sendable {
    /// Order and start a successor in this slot, and say which with `successorStarted`.
    case startSuccessor(slot: Int)
    /// Drain this worker: its successor is ready.
    case drain(worker: Int)
    /// A step is over: the slot is the new worker's, and the old one, if there was one, is gone.
    case stepDone(slot: Int, old: Int?, new: Int)
    /// A request has its answer; a reload that failed has `aborted` instead.
    case finished(RolloutResult)
    /// A reload failed: who is started from now on gets the settings of the last generation that was rolled out.
    case aborted(RolloutResult, revertTo: Int)
}
