// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSupervise

private let policy = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 3)

/// A pool whose slots have the workers 1, 2, …
private func filled(_ size: Int) -> Pool {
    var pool = Pool(size: size, policy: policy, at: start)
    _ = pool.timePassed(at: start)
    return pool
}

extension Pool {
    /// A worker ends without ever having been ready.
    fileprivate mutating func fail(_ id: Int, slot: Int, at now: Instant = start) -> SlotOutcome {
        ended(id: id, slot: slot, readyFor: nil, wasAsked: false, at: now)
    }

    /// Gives a slot up.
    fileprivate mutating func exhaust(_ slot: Int) {
        var outcome = SlotOutcome.closed
        while outcome != .failed {
            guard let worker = occupant(of: slot) else { return }
            outcome = fail(worker.id, slot: slot)
            _ = timePassed(at: seconds(1000))
        }
    }
}

struct PoolSurgeTests {
    // MARK: - Generations

    @Test func `workers get the generation of the moment they are ordered`() {
        var pool = filled(2)
        #expect(pool.generation == 1)
        #expect(pool.beginGeneration() == 2)
        #expect(pool.orderSuccessor(slot: 0) == SpawnOrder(id: 3, slot: 0, generation: 2))
        _ = pool.ended(id: 2, slot: 1, readyFor: nil, wasAsked: true, at: start)
        #expect(pool.timePassed(at: start) == [SpawnOrder(id: 4, slot: 1, generation: 2)])
        #expect(pool.occupant(of: 0) == SlotWorker(id: 1, generation: 1))
        #expect(pool.successor(of: 0) == SlotWorker(id: 3, generation: 2))
    }

    @Test func `a reverted generation is never used again`() {
        var pool = filled(1)
        _ = pool.beginGeneration()
        pool.revertGeneration(to: 1)
        #expect(pool.generation == 1)
        #expect(pool.beginGeneration() == 3)
        pool.revertGeneration(to: 2)
        #expect(pool.orderSuccessor(slot: 0).generation == 2)
    }

    // MARK: - Successors

    @Test func `a successor that is ready has the slot, and the former worker is nobody's`() {
        var pool = filled(1)
        _ = pool.orderSuccessor(slot: 0)
        #expect(pool.promote(2) == 1)
        #expect(pool.occupant(of: 0)?.id == 2)
        #expect(pool.successor(of: 0) == nil)
        let before = pool
        #expect(pool.ended(id: 1, slot: 0, readyFor: .seconds(9), wasAsked: true, at: start) == .closed)
        #expect(pool == before)
        #expect(pool.fail(2, slot: 0) == .restarting(after: .seconds(1), failures: 1))
    }

    @Test func `only a successor is promoted, and only once`() {
        var pool = filled(2)
        _ = pool.orderSuccessor(slot: 1)
        for id in [0, 1, 2, 4] { #expect(pool.promote(id) == nil) }
        #expect(pool.promote(3) == 2)
        #expect(pool.promote(3) == nil)
    }

    @Test func `a successor that ends leaves the slot as it was, and counts nothing`() {
        var pool = filled(1)
        for id in 2...20 {
            #expect(pool.orderSuccessor(slot: 0).id == id)
            #expect(pool.fail(id, slot: 0) == .taken(by: 1))
        }
        #expect(pool.failures(of: 0) == 0)
        #expect(pool.occupant(of: 0)?.id == 1)
        #expect(pool.deadline == nil)
    }

    @Test func `a successor takes over when the occupant ends, and nobody else is started`() {
        var pool = filled(1)
        _ = pool.orderSuccessor(slot: 0)
        #expect(pool.ended(id: 1, slot: 0, readyFor: .seconds(60), wasAsked: false, at: start) == .taken(by: 2))
        #expect(pool.deadline == nil)
        #expect(pool.timePassed(at: seconds(100)) == [])
        #expect(pool.promote(2) == nil)
        // From now on the slot answers for it.
        #expect(pool.fail(2, slot: 0) == .restarting(after: .seconds(1), failures: 1))
    }

    @Test func `one that is given up is nobody's, unless it has taken over`() {
        var pool = filled(1)
        _ = pool.orderSuccessor(slot: 0)
        pool.abandonSuccessor(2)
        #expect(pool.fail(2, slot: 0) == .closed)
        #expect(pool.occupant(of: 0)?.id == 1)

        _ = pool.orderSuccessor(slot: 0)
        _ = pool.ended(id: 1, slot: 0, readyFor: .seconds(60), wasAsked: false, at: start)
        pool.abandonSuccessor(3)
        #expect(pool.occupant(of: 0)?.id == 3)
        #expect(pool.fail(3, slot: 0) == .restarting(after: .seconds(1), failures: 1))
    }

    @Test func `in a slot without a worker the one that was ordered has it at once`() {
        var pool = filled(2)
        pool.exhaust(1)
        _ = pool.fail(1, slot: 0)
        #expect(pool.failedSlots == [1])
        for slot in [0, 1] {
            let order = pool.orderSuccessor(slot: slot)
            #expect(pool.occupant(of: slot)?.id == order.id)
            #expect(pool.successor(of: slot) == nil)
            #expect(pool.failures(of: slot) == 0)
            #expect(pool.fail(order.id, slot: slot) == .restarting(after: .seconds(1), failures: 1))
        }
    }

    @Test func `a slot has one successor at most`() async {
        await #expect(processExitsWith: .failure) {
            var pool = Pool(
                size: 1,
                policy: RestartPolicy(restartDelay: .zero, minimumUptime: .zero, maximumRestarts: 3),
                at: start
            )
            _ = pool.timePassed(at: start)
            _ = pool.orderSuccessor(slot: 0)
            _ = pool.orderSuccessor(slot: 0)
        }
    }

    @Test func `while the pool is being stopped a successor takes over and nobody follows it`() {
        var pool = filled(1)
        _ = pool.orderSuccessor(slot: 0)
        pool.stop()
        #expect(pool.fail(1, slot: 0) == .closed)
        #expect(pool.occupant(of: 0)?.id == 2)
        #expect(pool.fail(2, slot: 0) == .closed)
        #expect(pool.timePassed(at: .never) == [])
    }

    // MARK: - Size

    @Test func `growing starts workers at once, shrinking names those in the highest slots`() {
        var pool = filled(2)
        #expect(pool.scale(to: 4, at: seconds(1)) == [])
        #expect(pool.deadline == seconds(1))
        #expect(pool.timePassed(at: seconds(1)).map(\.slot) == [2, 3])
        _ = pool.orderSuccessor(slot: 2)
        #expect(pool.scale(to: 1, at: seconds(2)) == [2, 3, 5, 4])
        #expect(pool.size == 1)
        let before = pool
        for id in 2...5 { #expect(pool.fail(id, slot: id == 5 ? 2 : id - 1) == .closed) }
        #expect(pool == before)
    }

    @Test func `a slot that comes back knows nothing of those who had it before`() {
        var pool = filled(2)
        _ = pool.fail(2, slot: 1)
        _ = pool.timePassed(at: seconds(1))
        #expect(pool.restarts(of: 1) == 1)
        #expect(pool.scale(to: 1, at: seconds(1)) == [3])
        #expect(pool.scale(to: 2, at: seconds(1)) == [])
        #expect(pool.timePassed(at: seconds(1)) == [SpawnOrder(id: 4, slot: 1, generation: 1)])
        #expect(pool.restarts(of: 1) == 0)
        #expect(pool.fail(3, slot: 1) == .closed)
        #expect(pool.occupant(of: 1)?.id == 4)
    }

    @Test func `any change of the size gives failed slots another chance`() {
        var pool = filled(2)
        pool.exhaust(0)
        _ = pool.fail(2, slot: 1)
        #expect(pool.scale(to: 2, at: seconds(5)) == [])
        #expect(pool.failedSlots == [])
        #expect([0, 1].map(pool.failures) == [0, 0])
        #expect(pool.timePassed(at: seconds(5)).map(\.slot) == [0, 1])
    }

    @Test func `a pool without slots has not failed`() {
        var pool = filled(1)
        #expect(pool.scale(to: 0, at: start) == [1])
        #expect(!pool.hasFailed)
        #expect(pool.deadline == nil)
    }

    @Test func `one slot is revived without the others`() {
        var pool = filled(2)
        pool.exhaust(0)
        pool.exhaust(1)
        #expect(pool.hasFailed)
        pool.revive(slot: 1, at: seconds(3))
        #expect(pool.failedSlots == [0])
        #expect(pool.state(of: 1) == .vacant(until: seconds(3)))
        pool.revive(slot: 7, at: seconds(3))
        pool.revive(at: seconds(4))
        #expect(pool.timePassed(at: seconds(4)).map(\.slot) == [0, 1])
    }

    // MARK: - Reports

    @Test func `reports know each slot's state, failures and restarts`() {
        var pool = filled(1)
        #expect(pool.state(of: 0) == .occupied(SlotWorker(id: 1, generation: 1)))
        #expect(pool.restarts(of: 0) == 0)
        _ = pool.fail(1, slot: 0)
        #expect(pool.state(of: 0) == .vacant(until: seconds(1)))
        #expect(pool.failures(of: 0) == 1)
        _ = pool.timePassed(at: seconds(1))
        _ = pool.orderSuccessor(slot: 0)
        #expect(pool.restarts(of: 0) == 2)
        pool.exhaust(0)
        #expect(pool.state(of: 0) == .failed)
    }

    // MARK: - Crash loop

    @Test func `a crash loop is slowed by half at each turn, up to 30 s, and given up at the limit`() {
        let policy = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 12)
        var pool = Pool(size: 1, policy: policy, at: start)
        var delays: [Duration] = []
        var clock = start
        for failure in 1...12 {
            // The clock is set to the pool's own deadline: nothing happens before it.
            #expect(pool.timePassed(at: Instant(nanoseconds: clock.nanoseconds - 1)) == [])
            let orders = pool.timePassed(at: clock)
            #expect(orders.map(\.id) == [failure])
            let outcome = pool.fail(failure, slot: 0, at: clock)
            guard case .restarting(let delay, let failures) = outcome else {
                #expect(outcome == .failed)
                break
            }
            #expect(failures == failure)
            delays.append(delay)
            clock = pool.deadline ?? .never
        }
        #expect(
            delays.map { $0 / .seconds(1) } == [
                1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390625, 17.0859375, 25.62890625, 30, 30,
            ]
        )
        #expect(pool.hasFailed)
        #expect(pool.deadline == nil)
    }
}
