// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import MaitredSupervise
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

@testable import MaitredMaster

struct RosterTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    private func roster(depth: Int = 4, maxConnections: Int? = nil, _ workers: [PlayedWorker]) -> Roster {
        let roster = Roster(
            strategy: StrategyName.roundRobin.makeStrategy(seed: 1),
            queueDepth: depth,
            maxConnections: maxConnections
        )
        for worker in workers {
            roster.join(worker.link)
            roster.setReady(at: roster.links.count - 1)
        }
        return roster
    }

    /// Hands connections as `Handoff` does; any descriptor will do.
    private func hand(_ count: Int, to index: Int, of roster: Roster) throws {
        let connection = try Descriptor.null()
        for _ in 0..<count {
            try #require(roster.links[index].channels[0].hand(HandoffPacket(), connection) == .sent)
            roster.handed(at: index, now: now)
        }
    }

    @Test func `a worker that has joined gets nothing before it is ready`() throws {
        let roster = roster([])
        roster.join(try PlayedWorker(id: 7).link)
        #expect(roster.index(of: 7) == 0)
        #expect(!roster.isAnyoneEligible)
        #expect(!roster.isAnyoneReady)
        roster.setReady(at: 0)
        #expect(roster.isAnyoneEligible)
        #expect(roster.isAnyoneReady)
    }

    @Test func `a look brings in what the pages say`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        try hand(3, to: 0, of: roster)
        #expect(roster.balancer.table.workers[0].queued == 3)
        _ = worker.take()
        _ = worker.take()
        worker.countClose()
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 1)
        #expect(roster.balancer.table.workers[0].holds == 1)
        #expect(roster.queuedCount == 1)
        #expect(roster.openCount == 2)
    }

    @Test func `a queue that is full by count is full only if the kernel says so`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster(depth: 4, [worker])
        try hand(3, to: 0, of: roster)
        // A worker that counts nothing: only the kernel knows what it took.
        _ = worker.take(isCounted: false)
        _ = worker.take(isCounted: false)
        try hand(1, to: 0, of: roster)
        #expect(roster.isAnyoneEligible)
        #expect(roster.queuedCount == 2)
        try hand(2, to: 0, of: roster)
        #expect(!roster.isAnyoneEligible)
        #expect(roster.queuedCount == 4)

        _ = worker.take(isCounted: false)
        roster.look()
        #expect(!roster.isAnyoneEligible)
        roster.settleAll()
        #expect(roster.isAnyoneEligible)
        #expect(roster.balancer.table.workers[0].queued == 3)
    }

    @Test func `what a worker took since the last look is held, not gone, when the kernel is asked`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster(depth: 4, maxConnections: 4, [worker])
        try hand(3, to: 0, of: roster)
        _ = worker.takeAll()
        // The fourth fills the queue by count, so the kernel is asked in the middle of a turn.
        try hand(1, to: 0, of: roster)
        #expect(roster.balancer.table.workers[0].queued == 1)
        #expect(roster.balancer.table.workers[0].holds == 3)
        #expect(!roster.isAnyoneEligible)
    }

    @Test func `at its limit of connections a worker is left alone until one closes`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster(maxConnections: 2, [worker])
        try hand(2, to: 0, of: roster)
        #expect(!roster.isAnyoneEligible)
        _ = worker.takeAll()
        roster.look()
        #expect(!roster.isAnyoneEligible)
        #expect(roster.isAnyoneReady)
        worker.countClose()
        roster.look()
        #expect(roster.isAnyoneEligible)
    }

    @Test func `the queue's beginning is when it was last empty`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        #expect(worker.link.queuedSince == .never)
        try hand(1, to: 0, of: roster)
        #expect(worker.link.queuedSince == now)
        roster.handed(at: 0, now: now + .seconds(1))
        #expect(worker.link.queuedSince == now)
        _ = worker.takeAll()
        roster.settleAll()
        roster.handed(at: 0, now: now + .seconds(2))
        #expect(worker.link.queuedSince == now + .seconds(2))
    }

    @Test func `busy and draining workers are out of the rotation, and their queues go to others`() throws {
        let workers = try (1...3).map { try PlayedWorker(id: $0) }
        let roster = roster(workers)
        roster.setBusy(true, at: 0)
        roster.setDraining(at: 1)
        #expect(roster.revocableCount == 2)
        #expect((0..<3).map { roster.isRevocable(at: $0) } == [true, true, false])
        #expect(roster.isAnyoneDraining)
        #expect(roster.balancer.table.eligibleCount == 1)
        roster.setBusy(false, at: 0)
        #expect(roster.revocableCount == 1)
        #expect(roster.balancer.table.eligibleCount == 2)
    }

    @Test func `who leaves takes its counts along, and the others move up together`() throws {
        let workers = try (1...3).map { try PlayedWorker(id: $0) }
        let roster = roster(workers)
        roster.setDraining(at: 0)
        try hand(2, to: 1, of: roster)
        roster.leave(id: 1)
        roster.leave(id: 1)
        roster.leave(id: 99)
        #expect(roster.links.map(\.id) == [2, 3])
        #expect(roster.balancer.table.workers.map(\.id) == [2, 3])
        #expect(roster.balancer.table.workers[0].queued == 2)
        #expect(roster.revocableCount == 0)
        #expect(!roster.isAnyoneDraining)
        #expect(roster.index(of: 1) == nil)
    }

    @Test func `something is queued while a packet waits or a busy worker is knocked at`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        #expect(!roster.isAnythingQueued)
        try hand(1, to: 0, of: roster)
        #expect(roster.isAnythingQueued)
        let later = now + .seconds(1)
        _ = worker.link.progress.observed(queued: 1, queuedSince: now, taken: 0, stallTimeout: .zero, at: later)
        #expect(worker.link.progress.verified(waiting: 1, expected: 1, at: later) == true)
        _ = worker.takeAll()
        roster.look()
        #expect(roster.queuedCount == 0)
        #expect(roster.isAnythingQueued)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `garbage in a page traps nothing and is no other worker's loss`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let (faulty, honest) = (try PlayedWorker(id: 1), try PlayedWorker(id: 2))
        let roster = roster([faulty, honest])
        try hand(3, to: 0, of: roster)
        try hand(2, to: 1, of: roster)
        for _ in 0..<50 {
            try faulty.scribble(using: &random)
            _ = faulty.link.page.dropDeadRows(leader: 1, limit: 4)
            _ = faulty.link.page.totals()
            roster.look()
            let load = roster.balancer.table.workers[0]
            #expect(load.queued >= 0 && load.holds >= 0 && load.open >= 0)
            #expect(roster.openCount >= 2)
            #expect(roster.balancer.table.workers[1].open == 2)
        }
        roster.settle(at: 0)
        #expect(faulty.link.queue.queued == 3)
        _ = honest.takeAll()
        roster.look()
        #expect(roster.balancer.table.workers[1].holds == 2)
    }
}
