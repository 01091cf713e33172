// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import MaitredWire
import Testing

@testable import MaitredMaster

struct WorkerLinkTests {
    /// Puts connections into a channel; any descriptor will do.
    private func hand(_ count: Int, to worker: PlayedWorker, listener: Int = 0) throws {
        let connection = try Descriptor.null()
        for _ in 0..<count {
            try #require(worker.link.channels[listener].hand(HandoffPacket(), connection) == .sent)
            worker.link.queue.handed()
        }
    }

    @Test func `what waits in all channels is counted, a knock is not`() throws {
        let worker = try PlayedWorker(id: 1, listeners: 3)
        try hand(2, to: worker, listener: 0)
        try hand(3, to: worker, listener: 2)
        #expect(worker.link.waiting() == 5)
        worker.link.knock(channel: 1)
        #expect(worker.link.channels[1].waiting == 1)
        #expect(worker.link.waiting() == 5)
        #expect(worker.link.knockedChannel == 1)
    }

    @Test func `the kernel's number replaces the own`() throws {
        let worker = try PlayedWorker(id: 1)
        try hand(3, to: worker)
        _ = worker.take(isCounted: false)
        worker.link.reconcile()
        #expect(worker.link.queue.queued == 2)
        #expect(worker.link.queue.hasUnreportedTakes)
    }

    @Test func `a knock that was taken is noticed at the next count, and only then another is left`() throws {
        let worker = try PlayedWorker(id: 1, listeners: 2)
        worker.link.knock(channel: 0)
        worker.link.knock(channel: 0)
        worker.link.knock(channel: 1)
        #expect(worker.link.channels.map(\.waiting) == [1, 0])

        #expect(worker.take() == nil)
        #expect(worker.link.knockedChannel == 0)
        #expect(worker.link.waiting() == 0)
        #expect(worker.link.knockedChannel == nil)
        worker.link.knock(channel: 1)
        #expect(worker.link.channels.map(\.waiting) == [0, 1])
        #expect(worker.link.knockedChannel == 1)
    }

    @Test func `a knock that came back may be left again`() throws {
        let worker = try PlayedWorker(id: 1)
        worker.link.knock(channel: 0)
        var packet = HandoffPacket()
        guard case .knock = worker.link.channels[0].takeBack(into: &packet) else {
            Issue.record("the knock was not there")
            return
        }
        worker.link.knockCameBack()
        #expect(worker.link.knockedChannel == nil)
        worker.link.knock(channel: 0)
        #expect(worker.link.channels[0].waiting == 1)
    }

    @Test func `a knock that cannot be left is not waited for`() throws {
        let worker = try PlayedWorker(id: 1)
        worker.shutDown()
        worker.link.knock(channel: 0)
        #expect(worker.link.knockedChannel == nil)
    }

    @Test func `a full queue has room for the knock`() throws {
        for depth in [1, 16, 64] {
            let worker = try PlayedWorker(id: 1, queueDepth: depth)
            try hand(depth, to: worker)
            worker.link.knock(channel: 0)
            #expect(worker.link.knockedChannel == 0)
            #expect(worker.link.waiting() == depth)
        }
    }

    @Test func `one bell is due for each time the doorbell was armed`() throws {
        let worker = try PlayedWorker(id: 1)
        #expect(!worker.link.rang())
        worker.link.setDoorbell(false)
        #expect(!worker.link.rang())
        worker.link.setDoorbell(true)
        // Disarmed again: a bell may be on its way all the same.
        worker.link.setDoorbell(false)
        #expect(worker.link.rang())
        #expect(!worker.link.rang())
    }
}
