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

    /// The take wakes the master, which may look before the worker has counted it.
    @Test func `what is received and not counted yet is open all the same`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        roster.balancer.table.setLimits(queueDepth: 16, maxConnections: 1)
        try hand(1, to: 0, of: roster)
        let held = worker.take(isCounted: false)
        roster.settleAll()
        #expect(roster.balancer.table.workers[0].open == 1 && !roster.isAnyoneEligible)
        worker.countTake()
        roster.look()
        #expect(roster.balancer.table.workers[0].open == 1 && !roster.isAnyoneEligible)
        _ = held
    }

    // MARK: - Before a pick

    @Test func `a strategy that compares loads has them before it picks`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        roster.balancer.strategy = LeastConnections()
        try hand(3, to: 0, of: roster)
        _ = worker.take()
        roster.prepareToPick()
        #expect(roster.balancer.table.workers[0].queued == 2)
        #expect(roster.balancer.table.workers[0].holds == 1)
    }

    @Test func `one that does not compare picks without a look, as long as everybody is eligible`() throws {
        let workers = try (1...2).map { try PlayedWorker(id: $0) }
        let roster = roster(workers)
        #expect(!roster.balancer.comparesLoads)
        try hand(3, to: 0, of: roster)
        _ = workers[0].take()
        roster.prepareToPick()
        #expect(roster.balancer.table.workers[0].queued == 3)
        roster.setBusy(true, at: 1)
        roster.prepareToPick()
        #expect(roster.balancer.table.workers[0].queued == 2)
    }

    /// Without a look at the worker that is given something, a queue that was empty meanwhile would seem old.
    @Test func `since when something waits is right although nobody looked`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        roster.handed(at: 0, now: Instant(nanoseconds: 10))
        worker.countTake()
        roster.handed(at: 0, now: Instant(nanoseconds: 20))
        #expect(worker.link.queuedSince == Instant(nanoseconds: 20))
        #expect(worker.link.queue.queued == 1)
        roster.handed(at: 0, now: Instant(nanoseconds: 30))
        #expect(worker.link.queuedSince == Instant(nanoseconds: 20))
    }

    /// Counted after its take was seen, it would wait for ever, and the worker would never be called idle.
    @Test func `what is taken and reported before it is counted waits no more`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        try hand(1, to: 0, of: roster)
        worker.countTake()
        worker.countTake()
        roster.handed(at: 0, now: now)
        #expect(worker.link.queue.queued == 0)
        #expect(!worker.link.queue.hasUnreportedTakes)
        #expect(roster.balancer.table.workers[0].queued == 0)
        #expect(roster.balancer.table.workers[0].holds == 2)
    }

    @Test func `how much everyone has ahead is said by the pages of this moment`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        try hand(3, to: 0, of: roster)
        #expect(roster.leastQueued(enough: 3) == 3)
        _ = worker.take()
        #expect(roster.leastQueued(enough: 3) == nil)
        #expect(roster.leastQueued(enough: 2) == 2)
    }

    // MARK: - Looks that find a page unchanged

    @Test func `what is handed stays counted while the page says nothing new`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        roster.look()
        try hand(2, to: 0, of: roster)
        for _ in 0..<3 { roster.look() }
        #expect(roster.balancer.table.workers[0].queued == 2)
        #expect(roster.queuedCount == 2)
    }

    @Test func `what was taken back is in the table at the next look`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        try hand(3, to: 0, of: roster)
        roster.look()
        var packet = HandoffPacket()
        guard case .connection = worker.link.channels[0].takeBack(into: &packet) else {
            Issue.record("nothing was taken back")
            return
        }
        roster.tookBack(from: worker.link)
        #expect(roster.queuedCount == 2)
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 2)
    }

    @Test func `what is taken back from a worker that has left is nobody's count`() throws {
        let workers = try (1...2).map { try PlayedWorker(id: $0) }
        let roster = roster(workers)
        try hand(1, to: 0, of: roster)
        try hand(1, to: 1, of: roster)
        roster.look()
        roster.leave(id: 1)
        roster.tookBack(from: workers[0].link)
        roster.look()
        #expect(roster.balancer.table.workers.map(\.queued) == [1])
    }

    @Test func `when the kernel was asked, both arrays have its answer, and the next look changes nothing`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        try hand(3, to: 0, of: roster)
        roster.look()
        _ = worker.take(isCounted: false)
        roster.settle(at: 0)
        #expect(roster.balancer.table.workers[0].queued == 2)
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 2)
        // The report of the take that the kernel showed first.
        worker.countTake()
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 2)
        #expect(roster.balancer.table.workers[0].holds == 1)
    }

    /// The table was told of the close when the kernel was asked, in the middle of a turn. A forked child that inherits
    /// as many makes the page say again what it said at the look before.
    @Test func `a page that went back to what it said is believed again`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        try hand(2, to: 0, of: roster)
        _ = worker.takeAll()
        roster.look()
        worker.countClose()
        roster.settle(at: 0)
        #expect(roster.balancer.table.workers[0].holds == 1)
        try worker.link.page.addProcess(pid: 1, taken: 0, holds: 1)
        roster.look()
        #expect(roster.balancer.table.workers[0].holds == 2)
    }

    @Test func `what a dead process held is held no more, and what it took is not taken anew`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster(depth: 16, [worker])
        try hand(5, to: 0, of: roster)
        for _ in 0..<3 { _ = worker.take(isCounted: false) }
        try worker.link.page.addProcess(pid: deadPid, taken: 3, holds: 3)
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 2)
        #expect(roster.balancer.table.workers[0].holds == 3)

        #expect(worker.link.page.dropDeadRows(leader: 1, limit: 127) == 1)
        _ = worker.take()
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 1)
        #expect(roster.balancer.table.workers[0].holds == 1)
    }

    /// The page says what it said before, of other connections.
    @Test func `takes as many as a dead process is forgotten with are not overlooked`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster(depth: 16, [worker])
        try hand(4, to: 0, of: roster)
        for _ in 0..<2 { _ = worker.take(isCounted: false) }
        try worker.link.page.addProcess(pid: deadPid, taken: 2, holds: 2)
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 2)

        roster.dropDeadRows(at: 0, leader: 1, limit: 127)
        _ = worker.takeAll()
        roster.look()
        #expect(roster.balancer.table.workers[0].queued == 0)
        #expect(roster.balancer.table.workers[0].holds == 2)
    }

    @Test func `who refused in one turn is asked again in the next, whatever its page says`() throws {
        let worker = try PlayedWorker(id: 1)
        let roster = roster([worker])
        roster.look()
        roster.balancer.table.setRefusing(true, at: 0)
        #expect(!roster.isAnyoneEligible)
        roster.look()
        #expect(roster.isAnyoneEligible)
    }

    @Test func `after somebody left, each page is still its own worker's, and a newcomer's is read`() throws {
        let workers = try (1...3).map { try PlayedWorker(id: $0) }
        let roster = roster(workers)
        for index in 0..<3 { try hand(2, to: index, of: roster) }
        _ = workers[1].takeAll()
        roster.look()
        roster.leave(id: 2)
        // Now its page says what that of the one who left said.
        _ = workers[2].takeAll()
        let newcomer = try PlayedWorker(id: 4)
        try newcomer.link.page.addProcess(pid: 1, taken: 0, holds: 2)
        roster.join(newcomer.link)
        roster.look()
        #expect(roster.balancer.table.workers.map(\.queued) == [2, 0, 0])
        #expect(roster.balancer.table.workers.map(\.holds) == [0, 2, 2])
    }

    // MARK: - Limits

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

/// No process has this number: it is beyond what the kernel gives.
private let deadPid: UInt64 = 0x7FFF_FFFF

extension LoadPage {
    /// Writes the row of another process of the worker, by the bytes of docs/PROTOCOL.md.
    ///
    /// Goes to the second row: a played worker has the first.
    fileprivate func addProcess(pid: UInt64, taken: UInt64, holds: UInt64) throws {
        let number = try withDescriptor { (descriptor) throws(SystemError) in try descriptor.duplicate().release() }
        let memory = try SharedMemory(adopting: Descriptor(owning: number), size: LoadPage.size)
        let row = 128 + 128
        for (field, value) in [pid, 0, taken, holds].enumerated() {
            memory.base.storeBytes(of: value, toByteOffset: row + 8 * field, as: UInt64.self)
        }
        memory.base.storeBytes(of: 2, toByteOffset: 68, as: UInt32.self)
    }
}
