// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct RoundRobinTests {
    @Test func `workers are taken in turn`() {
        var balancer = balancer(3, RoundRobin())
        #expect(balancer.picks(7) == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func `who is not eligible is skipped`() {
        var balancer = balancer(4, RoundRobin())
        balancer.table.setBusy(true, at: 1)
        #expect(balancer.picks(5) == [0, 2, 3, 0, 2])
        balancer.table.setBusy(false, at: 1)
        #expect(balancer.picks(3) == [3, 0, 1])
    }

    @Test func `nobody eligible, nobody picked`() {
        var balancer = balancer(2, RoundRobin())
        balancer.table.setReady(false, at: 0)
        balancer.table.setDraining(true, at: 1)
        #expect(balancer.pick(for: nobody) == nil)
        #expect(balancer.overruledPicks == 0)
    }

    @Test(arguments: [
        (leaves: 0, next: [3, 4, 2]),
        (leaves: 1, next: [3, 4, 1]),
        (leaves: 2, next: [4, 1, 2]),  // it was this one's turn
        (leaves: 3, next: [3, 1, 2]),
    ])
    func `a worker that leaves takes no turn but its own along`(_ row: (leaves: Int, next: [Int])) {
        var balancer = balancer(4, RoundRobin())
        _ = balancer.picks(2)
        balancer.remove(at: row.leaves)
        let ids = balancer.picks(3).map { balancer.table.workers[$0!].id }
        #expect(ids == row.next)
    }

    @Test func `a newcomer is next when the round was just complete`() {
        var balancer = balancer(2, RoundRobin())
        _ = balancer.picks(2)
        balancer.join(id: 3, slot: 2)
        balancer.table.setReady(true, at: 2)
        #expect(balancer.picks(4) == [2, 0, 1, 2])
    }

    /// Over any stretch, those who were there all the time differ by one at most, whoever came and went meanwhile.
    @Test(arguments: 1...8) func `rotation is fair within one through joins and leaves`(_ seed: UInt64) {
        var dice = Dice(seed: seed)
        var balancer = balancer(5, RoundRobin())
        var nextID = 6
        var present: [Set<Int>] = []
        var picked: [Int] = []
        for _ in 0..<200 {
            if dice.oneIn(12), balancer.table.workers.count > 2 {
                balancer.remove(at: Int.random(in: 0..<balancer.table.workers.count, using: &dice))
            }
            if dice.oneIn(12), balancer.table.workers.count < 9 {
                balancer.join(id: nextID, slot: nextID)
                balancer.table.setReady(true, at: balancer.table.workers.count - 1)
                nextID += 1
            }
            present.append(Set(balancer.table.workers.map(\.id)))
            picked.append(balancer.table.workers[balancer.pick(for: nobody)!].id)
        }
        for start in picked.indices {
            var counts: [Int: Int] = [:]
            var throughout = present[start]
            for end in start..<picked.count {
                counts[picked[end], default: 0] += 1
                throughout.formIntersection(present[end])
                let shares = throughout.map { counts[$0, default: 0] }
                if let most = shares.max(), let least = shares.min(), most - least > 1 {
                    Issue.record("picks \(start)...\(end): \(counts)")
                    return
                }
            }
        }
    }

    @Test func `the turns that a full worker missed are made up for when it has room`() {
        var balancer = balancer(3, RoundRobin())
        balancer.table.setRefusing(true, at: 1)
        #expect(balancer.picks(6) == [0, 2, 0, 2, 0, 2])
        balancer.table.clearRefusing()
        #expect(balancer.picks(7) == [1, 1, 1, 0, 1, 2, 0])
    }

    @Test func `no more than 1,024 turns are made up for`() {
        var balancer = balancer(2, RoundRobin())
        balancer.table.setRefusing(true, at: 0)
        _ = balancer.picks(5000)
        balancer.table.clearRefusing()
        let picks = balancer.picks(1024 + 36)
        #expect(picks.prefix(1024).allSatisfy { $0 == 0 })
        #expect(picks.suffix(36).count { $0 == 0 } == 18)
    }

    @Test func `a worker that was busy or left missed nothing`() {
        var balancer = balancer(3, RoundRobin())
        balancer.table.setRefusing(true, at: 1)
        _ = balancer.picks(6)
        balancer.table.setBusy(true, at: 1)
        _ = balancer.picks(2)
        balancer.table.clearRefusing()
        balancer.table.setBusy(false, at: 1)
        #expect(balancer.picks(3).count { $0 == 1 } == 1)

        balancer.table.setRefusing(true, at: 1)
        _ = balancer.picks(6)
        balancer.remove(at: 1)
        #expect(Set(balancer.picks(2)) == [0, 1])
    }

    @Test func `ten thousand connections over four workers are 2,500 each`() {
        var balancer = balancer(4, RoundRobin())
        balancer.hand(10_000)
        #expect(balancer.table.workers.map(\.open) == [2500, 2500, 2500, 2500])
    }
}
