// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSupervise

private let policy = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 3)

extension Pool {
    /// The worker of a slot ends without ever having been ready.
    fileprivate mutating func fail(_ id: Int, slot: Int, at now: Instant) -> SlotOutcome {
        ended(id: id, slot: slot, readyFor: nil, wasAsked: false, at: now)
    }
}

struct PoolTests {
    private func pool(_ size: Int) -> Pool {
        Pool(size: size, policy: policy, at: start)
    }

    @Test func `a new pool wants a worker for every slot at once`() {
        var pool = pool(3)
        #expect(pool.size == 3)
        #expect(pool.deadline == start)
        #expect(
            pool.timePassed(at: start) == [
                SpawnOrder(id: 1, slot: 0, generation: 1), SpawnOrder(id: 2, slot: 1, generation: 1),
                SpawnOrder(id: 3, slot: 2, generation: 1),
            ]
        )
        #expect(pool.deadline == nil)
        #expect(pool.timePassed(at: seconds(1000)) == [])
    }

    @Test func `it counts failures of all slots, and none while one of them has a worker`() {
        var pool = pool(2)
        var now = start
        for attempt in 1...2 {
            let orders = pool.timePassed(at: now)
            #expect(orders.count == 2)
            _ = pool.fail(orders[0].id, slot: 0, at: now)
            #expect(!pool.hasFailed(attempts: attempt))
            _ = pool.fail(orders[1].id, slot: 1, at: now)
            #expect(pool.hasFailed(attempts: attempt) && !pool.hasFailed(attempts: attempt + 1))
            now = now + .seconds(10)
        }
        // The third is the limit: a slot that was given up counts, whatever the number.
        for order in pool.timePassed(at: now) { _ = pool.fail(order.id, slot: order.slot, at: now) }
        #expect(pool.hasFailed && pool.hasFailed(attempts: 100))
    }

    @Test func `nothing is started before its time`() {
        var pool = pool(1)
        #expect(pool.timePassed(at: Instant(nanoseconds: start.nanoseconds - 1)) == [])
        #expect(pool.timePassed(at: start).count == 1)
    }

    @Test func `the successor of a worker that had been well starts after 100 ms, with a new number`() {
        var pool = pool(2)
        _ = pool.timePassed(at: start)
        let outcome = pool.ended(id: 2, slot: 1, readyFor: .seconds(60), wasAsked: false, at: seconds(60))
        #expect(outcome == .restarting(after: .milliseconds(100), failures: 0))
        #expect(pool.deadline == seconds(60) + .milliseconds(100))
        #expect(pool.timePassed(at: seconds(60)) == [])
        #expect(pool.timePassed(at: seconds(60) + .milliseconds(100)) == [SpawnOrder(id: 3, slot: 1, generation: 1)])
    }

    @Test func `one that was asked to end is replaced at once, and nothing is counted`() {
        var pool = pool(1)
        for id in 1...10 {
            #expect(pool.timePassed(at: start) == [SpawnOrder(id: id, slot: 0, generation: 1)])
            #expect(
                pool.ended(id: id, slot: 0, readyFor: nil, wasAsked: true, at: start)
                    == .restarting(after: .zero, failures: 0)
            )
        }
        #expect(!pool.hasFailed)
    }

    @Test func `being asked to end does not clear what was counted`() {
        var pool = pool(1)
        _ = pool.timePassed(at: start)
        #expect(pool.fail(1, slot: 0, at: start) == .restarting(after: .seconds(1), failures: 1))
        _ = pool.timePassed(at: seconds(1))
        _ = pool.ended(id: 2, slot: 0, readyFor: .seconds(9), wasAsked: true, at: seconds(10))
        _ = pool.timePassed(at: seconds(10))
        #expect(pool.fail(3, slot: 0, at: seconds(10)) == .restarting(after: .milliseconds(1500), failures: 2))
    }

    @Test func `a slot fails alone, and the pool only when every slot has`() {
        var pool = pool(2)
        #expect(pool.timePassed(at: start).map(\.id) == [1, 2])
        #expect(pool.fail(1, slot: 0, at: start) == .restarting(after: .seconds(1), failures: 1))
        #expect(pool.timePassed(at: seconds(1)) == [SpawnOrder(id: 3, slot: 0, generation: 1)])
        #expect(pool.fail(3, slot: 0, at: seconds(1)) == .restarting(after: .milliseconds(1500), failures: 2))
        #expect(pool.timePassed(at: seconds(2)) == [])
        #expect(pool.timePassed(at: seconds(2.5)) == [SpawnOrder(id: 4, slot: 0, generation: 1)])
        #expect(pool.fail(4, slot: 0, at: seconds(3)) == .failed)
        #expect(pool.failedSlots == [0])
        #expect(!pool.hasFailed)
        #expect(pool.timePassed(at: .never) == [])

        // The other slot has a count of its own.
        #expect(pool.fail(2, slot: 1, at: seconds(3)) == .restarting(after: .seconds(1), failures: 1))
        _ = pool.timePassed(at: seconds(4))
        _ = pool.fail(5, slot: 1, at: seconds(4))
        _ = pool.timePassed(at: seconds(6))
        #expect(pool.fail(6, slot: 1, at: seconds(6)) == .failed)
        #expect(pool.failedSlots == [0, 1])
        #expect(pool.hasFailed)
        #expect(pool.deadline == nil)
    }

    @Test func `the deadline is the earliest of the vacant slots`() {
        var pool = pool(3)
        _ = pool.timePassed(at: start)
        _ = pool.fail(1, slot: 0, at: seconds(5))
        _ = pool.ended(id: 2, slot: 1, readyFor: .seconds(5), wasAsked: false, at: seconds(5))
        #expect(pool.deadline == seconds(5) + .milliseconds(100))
        #expect(pool.timePassed(at: seconds(5.5)) == [SpawnOrder(id: 4, slot: 1, generation: 1)])
        #expect(pool.deadline == seconds(6))
    }

    @Test(arguments: [(1, 1), (2, 0), (0, 0), (-1, 0), (1, -1), (1, 2), (7, 1)])
    func `an end of somebody who has no such slot changes nothing`(id: Int, slot: Int) {
        var pool = pool(2)
        _ = pool.timePassed(at: start)
        let before = pool
        #expect(pool.fail(id, slot: slot, at: start) == .closed)
        #expect(pool == before)
    }

    @Test func `a worker that was replaced ends without harm to its successor`() {
        var pool = pool(1)
        _ = pool.timePassed(at: start)
        _ = pool.fail(1, slot: 0, at: start)
        let vacant = pool
        #expect(pool.fail(1, slot: 0, at: start) == .closed)
        #expect(pool == vacant)
        _ = pool.timePassed(at: seconds(1))
        let occupied = pool
        #expect(pool.fail(1, slot: 0, at: seconds(1)) == .closed)
        #expect(pool == occupied)
    }

    @Test func `a pool that is stopped starts nobody, whatever was planned and whoever ends`() {
        var pool = pool(3)
        _ = pool.timePassed(at: start)
        _ = pool.fail(1, slot: 0, at: start)
        pool.stop()
        #expect(pool.deadline == nil)
        #expect(pool.timePassed(at: seconds(10)) == [])
        #expect(pool.fail(2, slot: 1, at: seconds(10)) == .closed)
        #expect(pool.ended(id: 3, slot: 2, readyFor: nil, wasAsked: true, at: seconds(10)) == .closed)
        #expect(pool.timePassed(at: .never) == [])
        #expect(pool.deadline == nil)
        #expect(!pool.hasFailed)
    }

    // MARK: - Every sequence

    private enum Step: CaseIterable {
        case start, wait, failFirst, failLast, endWell, endAsked, staleEnd, stop
    }

    @Test func `in every sequence each slot has one worker, one plan or none for good, and no number comes twice`() {
        forEverySequence(of: Step.allCases, length: 5) { steps in
            var model = Model()
            for step in steps { model.run(step) }
        }
    }

    /// Two slots as an onlooker sees them: who runs, who was planned for when, who was given up.
    private struct Model {
        private enum Seen: Equatable {
            case running(Int)
            case planned(Instant)
            case failed
            case closed
        }

        private var pool: Pool
        private var seen: [Seen]
        private var now = start
        private var usedIDs: Set<Int> = []
        private var isStopped = false

        init() {
            let policy = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 2)
            pool = Pool(size: 2, policy: policy, at: start)
            seen = [.planned(start), .planned(start)]
        }

        mutating func run(_ step: Step) {
            switch step {
            case .start: spawn()
            case .wait: now = now + .seconds(1)
            case .failFirst: end(slot: 0, readyFor: nil, wasAsked: false)
            case .failLast: end(slot: 1, readyFor: .milliseconds(1), wasAsked: false)
            case .endWell: end(slot: 0, readyFor: .seconds(5), wasAsked: false)
            case .endAsked: end(slot: 1, readyFor: .seconds(5), wasAsked: true)
            case .staleEnd: endNobody()
            case .stop:
                pool.stop()
                isStopped = true
            }
            check()
        }

        private mutating func spawn() {
            for order in pool.timePassed(at: now) {
                if isStopped { Issue.record("started somebody after the stop") }
                if !usedIDs.insert(order.id).inserted { Issue.record("number \(order.id) was used twice") }
                if order.id != usedIDs.max() { Issue.record("number \(order.id) went back") }
                guard case .planned(let moment) = seen[order.slot], moment <= now else {
                    Issue.record("slot \(order.slot) was \(seen[order.slot]) and got a worker")
                    return
                }
                seen[order.slot] = .running(order.id)
            }
            for slot in seen.indices where !isStopped {
                if case .planned(let moment) = seen[slot], moment <= now { Issue.record("slot \(slot) was forgotten") }
            }
        }

        private mutating func end(slot: Int, readyFor: Duration?, wasAsked: Bool) {
            guard case .running(let id) = seen[slot] else { return }
            switch pool.ended(id: id, slot: slot, readyFor: readyFor, wasAsked: wasAsked, at: now) {
            case .restarting(let delay, _): seen[slot] = .planned(now + delay)
            case .failed: seen[slot] = .failed
            case .taken(let id): Issue.record("nobody ordered successor \(id)")
            case .closed:
                if !isStopped { Issue.record("closed a slot that should go on") }
                seen[slot] = .closed
            }
        }

        private mutating func endNobody() {
            let before = pool
            for id in usedIDs where !seen.contains(.running(id)) {
                for slot in seen.indices { _ = pool.ended(id: id, slot: slot, readyFor: nil, wasAsked: false, at: now) }
            }
            for slot in seen.indices {
                guard case .running(let id) = seen[slot] else { continue }
                _ = pool.ended(id: id, slot: 1 - slot, readyFor: nil, wasAsked: false, at: now)
            }
            if pool != before { Issue.record("somebody who is gone changed the pool") }
        }

        private func check() {
            let plans = seen.compactMap { if case .planned(let moment) = $0 { moment } else { nil } }
            if pool.deadline != (isStopped ? nil : plans.min()) {
                Issue.record("deadline \(String(describing: pool.deadline))")
            }
            if pool.failedSlots != seen.indices.filter({ seen[$0] == .failed }) { Issue.record("failed slots") }
            if pool.hasFailed != (seen == [.failed, .failed]) { Issue.record("failed pool") }
        }
    }
}
