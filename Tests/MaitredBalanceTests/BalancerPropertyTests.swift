// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

/// A pool in which anything happens in any order; what must always hold is checked after each step.
private struct RandomPool {
    var balancer: Balancer
    var dice: Dice
    private var nextID = 1

    init(strategy: StrategyName, seed: UInt64) {
        dice = Dice(seed: seed)
        balancer = Balancer(
            table: LoadTable(queueDepth: 4, maxConnections: seed.isMultiple(of: 2) ? 12 : nil),
            strategy: strategy.makeStrategy(seed: seed)
        )
    }

    /// A worker, or nil when there is none.
    private mutating func someone() -> Int? {
        balancer.table.workers.indices.randomElement(using: &dice)
    }

    /// Any number that a worker might claim.
    private mutating func anyNumber() -> Int {
        switch Int.random(in: 0..<6, using: &dice) {
        case 0: .max
        case 1: .min
        case 2: -1
        case 3: 1 << Int.random(in: 0..<63, using: &dice)
        default: Int.random(in: 0..<20, using: &dice)
        }
    }

    mutating func connection() -> ConnectionFacts {
        dice.oneIn(5) ? nobody : client(Int.random(in: 0..<1000, using: &dice))
    }

    /// Something happens to the pool that has nothing to do with handing a connection.
    mutating func disturb() {
        guard let index = someone(), !dice.oneIn(20) else {
            guard balancer.table.workers.count < 12 else { return }
            let slot = Int.random(in: 0..<8, using: &dice)
            balancer.join(id: nextID, slot: slot, weight: Int.random(in: 1...3, using: &dice))
            nextID += 1
            return
        }
        switch Int.random(in: 0..<40, using: &dice) {
        case 0: balancer.remove(at: index)
        case 1...8: balancer.table.setReady(!dice.oneIn(8), at: index)
        case 9...11: balancer.table.setDraining(dice.oneIn(4), at: index)
        case 12...14: balancer.table.setBusy(dice.oneIn(4), at: index)
        case 15...16: balancer.table.setRefusing(dice.oneIn(2), at: index)
        case 17: balancer.table.clearRefusing()
        case 18...22: balancer.table.sampleMemory(at: index, bytes: Int.random(in: 1..<1 << 30, using: &dice))
        case 23...30: take(at: index)
        default: close(at: index)
        }
    }

    /// Like `disturb`, with numbers that make no sense.
    mutating func disturbWildly() {
        disturb()
        guard let index = someone() else { return }
        switch Int.random(in: 0..<12, using: &dice) {
        case 0...3: balancer.table.refresh(at: index, queued: anyNumber(), holds: anyNumber())
        case 4...6: balancer.table.sampleMemory(at: index, bytes: anyNumber(), open: anyNumber())
        case 7: balancer.table.sampleMemory(at: index, bytes: anyNumber())
        case 8: balancer.table.setWeight(anyNumber(), at: index)
        case 9: balancer.table.setLimits(queueDepth: anyNumber(), maxConnections: anyNumber())
        case 10: balancer.table.setLimits(queueDepth: .max, maxConnections: nil)
        default: balancer.join(id: anyNumber(), slot: anyNumber(), weight: anyNumber())
        }
        if balancer.table.workers.count > 20 { balancer.remove(at: index) }
    }

    /// The worker takes some connections out of its channel.
    private mutating func take(at index: Int) {
        let worker = balancer.table.workers[index]
        let taken = Int.random(in: 0...worker.queued, using: &dice)
        balancer.table.refresh(at: index, queued: worker.queued - taken, holds: worker.holds + taken)
    }

    /// Some connections of the worker end.
    private mutating func close(at index: Int) {
        let worker = balancer.table.workers[index]
        let closed = Int.random(in: 0...worker.holds, using: &dice)
        balancer.table.refresh(at: index, queued: worker.queued, holds: worker.holds - closed)
    }

    /// What must hold at any time.
    func check() -> Bool {
        let table = balancer.table
        return table.workers.allSatisfy { $0.isEligible == mayReceive($0, in: table) && $0.open >= 0 }
            && table.workers.allSatisfy { $0.predictedMemory >= 0 && $0.memory.bytesPerConnection > 0 }
            && table.eligibleCount == table.workers.count { mayReceive($0, in: table) }
    }
}

struct BalancerPropertyTests {
    @Test(arguments: StrategyName.allCases, 1...4)
    func `whatever happens, picks are eligible and the count is right`(_ name: StrategyName, _ seed: UInt64) {
        var pool = RandomPool(strategy: name, seed: seed)
        var picked = 0
        for step in 0..<3000 {
            for _ in 0..<3 { pool.disturb() }
            let choice = pool.balancer.pick(for: pool.connection())
            let isRight =
                choice.map { pool.balancer.table.workers[$0].isEligible } ?? (pool.balancer.table.eligibleCount == 0)
            if let choice, isRight {
                picked += 1
                pool.balancer.table.handed(at: choice)
            }
            guard isRight, pool.check() else {
                Issue.record("step \(step): \(String(describing: choice)) of \(pool.balancer.table)")
                return
            }
        }
        #expect(picked > 1000)
        #expect(pool.balancer.overruledPicks == 0)
    }

    @Test(arguments: StrategyName.allCases, 1...4)
    func `numbers that make no sense never trap and never mislead`(_ name: StrategyName, _ seed: UInt64) {
        var pool = RandomPool(strategy: name, seed: seed)
        for step in 0..<3000 {
            pool.disturbWildly()
            if let choice = pool.balancer.pick(for: pool.connection()) {
                guard pool.balancer.table.workers[choice].isEligible else {
                    Issue.record("step \(step): \(choice) of \(pool.balancer.table)")
                    return
                }
                pool.balancer.table.handed(at: choice)
            }
            guard pool.check() else {
                Issue.record("step \(step): \(pool.balancer.table)")
                return
            }
        }
        #expect(pool.balancer.overruledPicks == 0)
    }

    @Test(arguments: 1...6) func `least-connections always picks a minimum`(_ seed: UInt64) {
        var pool = RandomPool(strategy: .leastConnections, seed: seed)
        for step in 0..<3000 {
            for _ in 0..<3 { pool.disturb() }
            guard let choice = pool.balancer.pick(for: nobody) else { continue }
            let workers = pool.balancer.table.workers
            let best = workers[choice]
            guard workers.allSatisfy({ !$0.isEligible || best.open * $0.weight <= $0.open * best.weight }) else {
                Issue.record("step \(step): \(choice) of \(workers)")
                return
            }
            pool.balancer.table.handed(at: choice)
        }
    }

    @Test(arguments: 1...6) func `power-of-two never picks the only most loaded worker`(_ seed: UInt64) {
        var pool = RandomPool(strategy: .powerOfTwo, seed: seed)
        for step in 0..<3000 {
            for _ in 0..<3 { pool.disturb() }
            guard let choice = pool.balancer.pick(for: nobody) else { continue }
            let workers = pool.balancer.table.workers
            let picked = workers[choice]
            let others = workers.filter { $0.isEligible && $0.id != picked.id }
            guard others.isEmpty || others.contains(where: { !$0.isLessLoaded(than: picked) }) else {
                Issue.record("step \(step): \(choice) of \(workers)")
                return
            }
            pool.balancer.table.handed(at: choice)
        }
    }

    /// Whoever is full now and then, for a few turns at a time, has as many as the others once all have room.
    @Test(arguments: 1...6) func `rotation is fair within one in the end, whoever was full on the way`(_ seed: UInt64) {
        var dice = Dice(seed: seed)
        var balancer = balancer(4, RoundRobin())
        var counts = [0, 0, 0, 0]
        for step in 0..<2000 {
            let full = Int.random(in: 0..<4, using: &dice)
            balancer.table.setRefusing(true, at: full)
            for pick in balancer.picks(Int.random(in: 1...40, using: &dice)) { counts[pick!] += 1 }
            balancer.table.clearRefusing()
            for pick in balancer.picks(64) { counts[pick!] += 1 }
            guard counts.max()! - counts.min()! <= 1 else {
                Issue.record("step \(step): \(counts)")
                return
            }
        }
    }

    /// Phases in which nothing changes, between random changes of who is eligible, after what was missed is made up for.
    @Test(arguments: 1...6) func `rotation is fair within one while the set is stable`(_ seed: UInt64) {
        var pool = RandomPool(strategy: .roundRobin, seed: seed)
        for phase in 0..<300 {
            for _ in 0..<10 { pool.disturb() }
            let eligible = pool.balancer.table.workers.indices.filter { pool.balancer.table.workers[$0].isEligible }
            _ = pool.balancer.picks(1024 * pool.balancer.table.workers.count)
            let picks = pool.balancer.picks(25).compactMap(\.self)
            for start in picks.indices {
                var counts = Dictionary(uniqueKeysWithValues: eligible.map { ($0, 0) })
                for pick in picks[start...] {
                    counts[pick]! += 1
                    guard counts.values.max()! - counts.values.min()! <= 1 else {
                        Issue.record("phase \(phase): \(picks)")
                        return
                    }
                }
            }
        }
    }
}
