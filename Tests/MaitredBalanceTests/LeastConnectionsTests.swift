// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct LeastConnectionsTests {
    @Test(arguments: [
        (holds: [3, 1, 2], weights: [1, 1, 1], pick: 1),
        (holds: [0, 0, 0], weights: [1, 1, 1], pick: 0),
        (holds: [4, 4, 3], weights: [2, 1, 1], pick: 0),  // 2 against 4 and 3
        (holds: [10, 3, 7], weights: [4, 1, 3], pick: 2),  // 2.5, 3 and 2.33
        (holds: [1, 0, 0], weights: [1000, 1, 1], pick: 1),
    ])
    func `the fewest open connections for their weight win`(_ row: (holds: [Int], weights: [Int], pick: Int)) {
        var balancer = Balancer(table: table(holds: row.holds, weights: row.weights), strategy: LeastConnections())
        #expect(balancer.pick(for: nobody) == row.pick)
    }

    @Test func `equal workers are taken in turn`() {
        var balancer = balancer(3, LeastConnections())
        #expect(balancer.picks(7) == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func `equal workers keep their turn when one leaves`() {
        var balancer = balancer(4, LeastConnections())
        _ = balancer.picks(2)
        balancer.remove(at: 0)
        #expect(balancer.table.workers[balancer.pick(for: nobody)!].id == 3)
    }

    @Test func `what is queued counts like what is held`() {
        var table = table(holds: [1, 0])
        table.refresh(at: 1, queued: 2, holds: 0)
        var balancer = Balancer(table: table, strategy: LeastConnections())
        #expect(balancer.pick(for: nobody) == 0)
    }

    @Test func `the least loaded is passed over when it is not eligible`() {
        var balancer = Balancer(table: table(holds: [5, 0, 4]), strategy: LeastConnections())
        balancer.table.setDraining(true, at: 1)
        #expect(balancer.pick(for: nobody) == 2)
    }

    @Test func `an old worker of a slot is not fed before a new one`() {
        var balancer = balancer(2, LeastConnections())
        balancer.join(id: 3, slot: 0)
        balancer.table.setReady(true, at: 2)
        balancer.hand(30)
        #expect(balancer.table.workers.map(\.open) == [10, 10, 10])
    }

    @Test func `400 connections are 100 each, and again after one worker was replaced`() {
        var balancer = balancer(4, LeastConnections())
        balancer.hand(400)
        #expect(balancer.table.workers.map(\.open) == [100, 100, 100, 100])
        balancer.remove(at: 1)
        balancer.join(id: 5, slot: 1)
        balancer.table.setReady(true, at: 3)
        balancer.hand(100)
        #expect(balancer.table.workers.map(\.open) == [100, 100, 100, 100])
    }

    @Test func `weights share the connections out`() {
        var balancer = Balancer(table: table(holds: [0, 0, 0], weights: [1, 2, 5]), strategy: LeastConnections())
        balancer.hand(800)
        #expect(balancer.table.workers.map(\.open) == [100, 200, 500])
    }
}
