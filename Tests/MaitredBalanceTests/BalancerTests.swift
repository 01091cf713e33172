// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

/// The example in the documentation of `BalancingStrategy`.
private struct ByListener: BalancingStrategy {
    func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        table.nextEligible(from: connection.listener)
    }
}

/// Says the same thing always, right or wrong.
private struct Stubborn: BalancingStrategy {
    let answer: Int?

    func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? { answer }
}

struct BalancerTests {
    @Test func `a strategy from outside decides`() {
        var balancer = balancer(3, ByListener())
        #expect(balancer.name == "ByListener")
        #expect(balancer.pick(for: ConnectionFacts(client: nil, listener: 1)) == 1)
        balancer.table.setBusy(true, at: 1)
        #expect(balancer.pick(for: ConnectionFacts(client: nil, listener: 1)) == 2)
        #expect(balancer.overruledPicks == 0)
    }

    @Test(arguments: [nil, -1, 1, 3, Int.min, Int.max])
    func `an answer that cannot be used is overruled by the rotation and counted`(_ answer: Int?) {
        var balancer = balancer(3, Stubborn(answer: answer))
        balancer.table.setBusy(true, at: 1)
        #expect(balancer.picks(4) == [0, 2, 0, 2])
        #expect(balancer.overruledPicks == 4)
    }

    @Test func `nobody eligible is not the strategy's fault`() {
        var balancer = balancer(1, Stubborn(answer: 0))
        balancer.table.setReady(false, at: 0)
        #expect(balancer.pick(for: nobody) == nil)
        #expect(balancer.overruledPicks == 0)
    }

    @Test func `a pick counts nothing by itself`() {
        var balancer = balancer(2, LeastConnections())
        let before = balancer.table
        _ = balancer.pick(for: nobody)
        #expect(balancer.table == before)
    }

    @Test func `the strategy can be exchanged while connections are open`() {
        var balancer = balancer(2, RoundRobin())
        balancer.table.refresh(at: 0, queued: 0, holds: 50)
        #expect(balancer.name == "round-robin")
        balancer.strategy = StrategyName.leastConnections.makeStrategy(seed: 0)
        #expect(balancer.name == "least-connections")
        balancer.hand(50)
        #expect(balancer.table.workers.map(\.open) == [50, 50])
    }

    @Test func `joining and leaving keep the fallback fair too`() {
        var balancer = balancer(3, Stubborn(answer: nil))
        _ = balancer.picks(2)
        balancer.remove(at: 0)
        #expect(balancer.table.workers[balancer.pick(for: nobody)!].id == 3)
        balancer.join(id: 4, slot: 0, weight: 2)
        #expect(balancer.table.workers.map(\.id) == [2, 3, 4] && balancer.table.workers[2].weight == 2)
    }
}
