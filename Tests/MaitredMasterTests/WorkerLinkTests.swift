// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
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
        worker.link.knock()
        #expect(worker.link.channels.map(\.waiting) == [2, 1, 3], "an empty channel is the place for a knock")
        #expect(worker.link.waiting() == 5)
        #expect(worker.link.knockedChannels == [1])
    }

    @Test func `a connection behind a knock counts before the knock is taken and after`() throws {
        let worker = try PlayedWorker(id: 1)
        worker.link.knock()
        try hand(1, to: worker)
        #expect(worker.link.waiting() == 1)
        #expect(worker.take() == nil)
        #expect(worker.link.waiting() == 1)
        #expect(worker.link.knockedChannels == [])
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
        worker.link.knock()
        worker.link.knock()
        #expect(worker.link.channels.map(\.waiting) == [1, 1])

        #expect(worker.take() == nil)
        #expect(worker.link.knockedChannels == [0, 1])
        #expect(worker.link.waiting() == 0)
        #expect(worker.link.knockedChannels == [1])
        worker.link.knock()
        #expect(worker.link.channels.map(\.waiting) == [1, 1])
        #expect(worker.link.knockedChannels == [0, 1])
    }

    @Test func `a knock that came back may be left again`() throws {
        let worker = try PlayedWorker(id: 1)
        worker.link.knock()
        var packet = HandoffPacket()
        guard case .knock = worker.link.channels[0].takeBack(into: &packet) else {
            Issue.record("the knock was not there")
            return
        }
        worker.link.knockCameBack(from: worker.link.channels[0])
        #expect(worker.link.knockedChannels == [])
        worker.link.knock()
        #expect(worker.link.channels[0].waiting == 1)
    }

    @Test func `a channel that was shut down cannot be knocked at: the worker is broken`() throws {
        let worker = try PlayedWorker(id: 1)
        worker.shutDown()
        worker.link.knock()
        #expect(worker.link.knockedChannels == [])
        #expect(worker.link.isBroken)
    }

    @Test func `of two channels the one that stands still is seen, whatever the other does`() throws {
        let worker = try PlayedWorker(id: 1, listeners: 2)
        let limit = Duration.milliseconds(100)
        let start = Instant(nanoseconds: 1_000_000_000)
        try hand(1, to: worker, listener: 1)
        #expect(!worker.link.hasStuckChannel(for: limit, at: start))
        try hand(1, to: worker, listener: 0)
        _ = worker.take()
        #expect(!worker.link.hasStuckChannel(for: limit, at: start + .milliseconds(50)))
        #expect(worker.link.hasStuckChannel(for: limit, at: start + .milliseconds(100)))
        worker.link.restartClocks(at: start + .milliseconds(100))
        #expect(!worker.link.hasStuckChannel(for: limit, at: start + .milliseconds(100)))
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
