// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct LoadTableTests {
    @Test func `a worker that has joined has nothing, and is not eligible`() {
        var table = LoadTable(queueDepth: 16, maxConnections: nil)
        table.join(id: 7, slot: 2, weight: 3)
        let worker = table.workers[0]
        #expect(worker.id == 7 && worker.slot == 2 && worker.weight == 3)
        #expect(worker.queued == 0 && worker.holds == 0 && worker.open == 0)
        #expect(!worker.isReady && !worker.isDraining && !worker.isBusy && !worker.isRefusing && !worker.isEligible)
        #expect(table.eligibleCount == 0)
        #expect(table.nextEligible(from: 0) == nil && table.previousEligible(from: 0) == nil)
    }

    @Test func `a worker is eligible while it is ready and nothing speaks against it`() {
        var table = LoadTable(queueDepth: 2, maxConnections: 4)
        table.join(id: 1, slot: 0)
        table.setReady(true, at: 0)
        #expect(table.workers[0].isEligible)
        table.setDraining(true, at: 0)
        #expect(!table.workers[0].isEligible)
        table.setDraining(false, at: 0)
        table.setBusy(true, at: 0)
        #expect(!table.workers[0].isEligible)
        table.setBusy(false, at: 0)
        table.setHeld(true, at: 0)
        #expect(!table.workers[0].isEligible && table.eligibleCount == 0)
        table.setHeld(false, at: 0)
        table.setRefusing(true, at: 0)
        #expect(!table.workers[0].isEligible)
        table.setRefusing(false, at: 0)
        #expect(table.workers[0].isEligible && table.eligibleCount == 1)
        table.setReady(false, at: 0)
        #expect(!table.workers[0].isEligible && table.eligibleCount == 0)
    }

    @Test(arguments: [
        (queued: 0, holds: 0, eligible: true),
        (queued: 1, holds: 2, eligible: true),
        (queued: 2, holds: 0, eligible: false),  // queue full
        (queued: 0, holds: 4, eligible: false),  // as many open as allowed
        (queued: 1, holds: 3, eligible: false),  // … what is queued counts too
        (queued: 0, holds: 3, eligible: true),
    ])
    func `room in the queue and below the limit decides`(_ row: (queued: Int, holds: Int, eligible: Bool)) {
        var table = LoadTable(queueDepth: 2, maxConnections: 4)
        table.join(id: 1, slot: 0)
        table.setReady(true, at: 0)
        table.refresh(at: 0, queued: row.queued, holds: row.holds)
        #expect(table.workers[0].isEligible == row.eligible)
        #expect(table.eligibleCount == (row.eligible ? 1 : 0))
    }

    @Test func `a handed connection is counted at once, and the last free place closes the rotation`() {
        var table = table(holds: [0], maxConnections: 2)
        table.handed(at: 0)
        #expect(table.workers[0].queued == 1 && table.workers[0].open == 1 && table.eligibleCount == 1)
        table.handed(at: 0)
        #expect(table.workers[0].open == 2 && table.eligibleCount == 0)
        table.refresh(at: 0, queued: 0, holds: 1)
        #expect(table.workers[0].open == 1 && table.eligibleCount == 1)
    }

    @Test func `new limits hold for the workers that are there`() {
        var table = table(holds: [1, 5, 9])
        #expect(table.maxConnections == nil)
        table.setLimits(queueDepth: 16, maxConnections: 5)
        #expect(table.workers.map(\.isEligible) == [true, false, false] && table.eligibleCount == 1)
        table.setLimits(queueDepth: 16, maxConnections: 6)
        #expect(table.workers.map(\.isEligible) == [true, true, false] && table.eligibleCount == 2)
        table.setLimits(queueDepth: 0, maxConnections: 0)
        #expect(table.queueDepth == 1 && table.maxConnections == 1)
    }

    @Test func `removing keeps the order and the count`() {
        var table = table(holds: [0, 0, 0, 0])
        table.setBusy(true, at: 1)
        table.remove(at: 1)
        #expect(table.workers.map(\.id) == [1, 3, 4] && table.eligibleCount == 3)
        table.remove(at: 0)
        #expect(table.workers.map(\.id) == [3, 4] && table.eligibleCount == 2)
    }

    @Test func `a new wakeup forgets every refusal`() {
        var table = table(holds: [0, 0, 0])
        table.setRefusing(true, at: 0)
        table.setRefusing(true, at: 2)
        #expect(table.eligibleCount == 1)
        table.clearRefusing()
        #expect(table.eligibleCount == 3 && table.workers.allSatisfy { !$0.isRefusing })
        table.clearRefusing()
        #expect(table.eligibleCount == 3)
    }

    @Test func `numbers that cannot be true are clamped`() {
        var table = table(holds: [0, 0], weights: [.max, .min])
        #expect(table.workers[0].weight == 65_536 && table.workers[1].weight == 1)
        table.refresh(at: 0, queued: .max, holds: .max)
        #expect(table.workers[0].queued == 1 << 30 && table.workers[0].open == 1 << 31)
        table.handed(at: 0)
        #expect(table.workers[0].queued == 1 << 30)
        table.refresh(at: 0, queued: .min, holds: -1)
        #expect(table.workers[0].queued == 0 && table.workers[0].holds == 0)
        table.setWeight(0, at: 0)
        #expect(table.workers[0].weight == 1)
    }

    @Test func `the search goes round in both directions`() {
        var table = table(holds: [0, 0, 0, 0, 0])
        for index in [0, 2, 4] { table.setBusy(true, at: index) }
        #expect((-1...5).map { table.nextEligible(from: $0) } == [1, 1, 1, 3, 3, 1, 1])
        #expect((-1...5).map { table.previousEligible(from: $0) } == [3, 3, 1, 1, 3, 3, 3])
        #expect(table.nextEligible(from: .max) == 1 && table.previousEligible(from: .min) == 3)
    }

    @Test func `the fewest that wait are those of a worker that takes, with room or without`() {
        var table = LoadTable(queueDepth: 4, maxConnections: 9)
        #expect(table.leastQueued == nil)
        for id in 1...3 { table.join(id: id, slot: id - 1) }
        #expect(table.leastQueued == nil)
        for index in 0...1 { table.setReady(true, at: index) }
        table.refresh(at: 0, queued: 2, holds: 0)
        table.refresh(at: 1, queued: 1, holds: 9)
        #expect(table.leastQueued == 1)
        // Who takes nothing does not count, however little it has.
        table.setBusy(true, at: 1)
        #expect(table.leastQueued == 2)
        table.refresh(at: 0, queued: 4, holds: 0)
        #expect(table.eligibleCount == 0 && table.leastQueued == 4)
        table.setHeld(true, at: 0)
        #expect(table.leastQueued == nil)
        table.setHeld(false, at: 0)
        table.setDraining(true, at: 0)
        #expect(table.leastQueued == nil)
    }

    @Test func `load is compared against weight`() {
        let table = table(holds: [10, 10, 19, 20], weights: [1, 2, 2, 2])
        let workers = table.workers
        #expect(workers[1].isLessLoaded(than: workers[0]) && !workers[0].isLessLoaded(than: workers[1]))
        #expect(workers[2].isLessLoaded(than: workers[0]))
        #expect(!workers[3].isLessLoaded(than: workers[0]) && !workers[0].isLessLoaded(than: workers[3]))
    }
}
