// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSupervise
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(1)))
struct HandoffTests {
    @Test func `each connection goes to one worker, with its client's address`() throws {
        let stage = try Stage()
        let workers = [try stage.join(), try stage.join()]
        let clients = try (0..<6).map { _ in try stage.connect() }
        #expect(stage.turn())
        #expect(stage.backlog() == 0)

        let taken = workers.map { $0.takeAll() }
        #expect(taken.map(\.count) == [3, 3])
        #expect(taken.map { $0.map(\.packet.sequence) } == [[0, 2, 4], [1, 3, 5]])
        #expect(try clients.map { try $0.localAddress() } == [0, 1, 2, 3, 4, 5].map { taken[$0 % 2][$0 / 2].peer })
    }

    @Test func `the master keeps no copy: the client sees its connection end with the worker's`() throws {
        let stage = try Stage()
        let worker = try stage.join()
        let client = try stage.connect()
        stage.turn()
        do {
            let held = try #require(worker.take())
            held.answer("hello")
        }
        #expect(try client.readToEnd() == "hello")
    }

    @Test func `a client that has reset already is handed on with its address`() throws {
        let stage = try Stage()
        let worker = try stage.join()
        let client = try stage.connect()
        let address = try client.localAddress()
        client.reset()
        stage.turn()
        #expect(worker.take()?.peer == address)
    }

    // MARK: - Rests

    @Test func `it rests while everybody has work ahead, once for what was accepted`() throws {
        let stage = try Stage()
        let workers = [try stage.join(), try stage.join()]
        #expect(!stage.handoff.restIfSupplied())
        var clients = try (0..<2 * Handoff.restDepth).map { _ in try stage.connect() }
        stage.turn()
        #expect(stage.handoff.restIfSupplied())
        #expect(!stage.handoff.restIfSupplied())
        clients.append(try stage.connect())
        stage.turn()
        #expect(stage.handoff.restIfSupplied())
        #expect(workers.map { $0.takeAll().count } == [Handoff.restDepth + 1, Handoff.restDepth])
    }

    @Test func `it does not rest when anybody could run out of work, or others wait for something to be taken back`()
        throws
    {
        let stage = try Stage()
        let workers = [try stage.join(), try stage.join()]
        var clients = try (0..<2 * Handoff.restDepth).map { _ in try stage.connect() }
        stage.turn()
        _ = workers[1].take()
        #expect(!stage.handoff.restIfSupplied())
        clients += try (0..<2).map { _ in try stage.connect() }
        stage.turn()
        stage.roster.setBusy(true, at: 1)
        #expect(!stage.handoff.restIfSupplied())
        stage.roster.setBusy(false, at: 1)
        #expect(stage.handoff.restIfSupplied())
    }

    @Test func `it rests while every queue is full, until a place is free`() throws {
        let stage = try Stage(queueDepth: 4)
        let worker = try stage.join()
        var clients = try (0..<6).map { _ in try stage.connect() }
        stage.turn()
        #expect(!stage.roster.isAnyoneEligible)
        #expect(stage.handoff.restIfSupplied())
        #expect(!stage.handoff.restIfSupplied())
        _ = worker.take()
        stage.roster.look()
        stage.handoff.expectClients()
        #expect(stage.handoff.serve(now: .now, exhaustively: false))
        #expect(stage.backlog() == 1)
        #expect(stage.handoff.restIfSupplied())
        clients.removeAll()
    }

    @Test func `it does not rest for a worker whose connections, not its queue, are at the limit`() throws {
        let stage = try Stage(maxConnections: 1)
        let worker = try stage.join()
        let client = try stage.connect()
        stage.turn()
        #expect(!stage.handoff.restIfSupplied())
        #expect(stage.roster.matters(closeAt: 0, waitsForPlace: true))
        #expect(!stage.roster.matters(closeAt: 0, waitsForPlace: false))
        _ = worker.take()
        _ = client
    }

    @Test func `a close matters to nobody who waits for a take`() throws {
        let stage = try Stage(queueDepth: 1, maxConnections: 9)
        _ = try stage.join()
        let client = try stage.connect()
        stage.turn()
        #expect(!stage.roster.isAnyoneEligible && !stage.roster.matters(closeAt: 0, waitsForPlace: true))
        stage.roster.setDraining(at: 0)
        #expect(stage.roster.matters(closeAt: 0, waitsForPlace: false))
        _ = client
    }

    // MARK: - Programs that have not opened every listener

    @Test func `what comes to a listener goes through the channel of the one that was opened for it`() throws {
        let stage = try Stage(listeners: 3)
        let worker = try stage.join(isReady: false)
        worker.link.opened(1) { $0 == 0 }
        stage.setReady(worker)
        stage.handoff.findTakers()
        #expect(stage.listeners.map(\.hasTaker) == [true, true, false])
        let clients = try (0..<3).map { try stage.connect(to: $0) }
        stage.turn()
        #expect(worker.link.channels.map(\.waiting) == [0, 2, 0])
        #expect(stage.backlog(of: 2) == 1)
        // Opened by itself it has its own channel from then on.
        worker.link.opened(2) { _ in false }
        worker.link.opened(0) { $0 == 1 }
        #expect(worker.link.routes == [0, 1, 2])
        stage.handoff.findTakers()
        stage.turn()
        #expect(worker.link.channels.map(\.waiting) == [0, 2, 1])
        worker.link.opened(7) { _ in true }
        #expect(worker.link.routes == [0, 1, 2])
        _ = clients
    }

    @Test func `only workers that have opened a listener get what comes there`() throws {
        let stage = try Stage(listeners: 2)
        let workers = [try stage.join(), try stage.join()]
        workers[0].link.opened(0) { _ in false }
        stage.handoff.findTakers()
        let clients = try (0..<4).map { _ in try stage.connect(to: 1) }
        stage.turn()
        #expect(workers.map { $0.link.channels[1].waiting } == [0, 4])
        stage.bury(workers[1])
        stage.turn()
        stage.handoff.findTakers()
        #expect(!stage.listeners[1].hasTaker)
        // Nobody else takes them: they end, and keep nobody waiting.
        let other = try stage.connect()
        while !stage.turn() {}
        for _ in 0..<8 { stage.turn() }
        #expect(workers[0].link.channels[0].waiting == 1)
        #expect(stage.handoff.counts.refused == 4)
        _ = (clients, other)
    }

    // MARK: - Nobody to give it to

    @Test func `nobody ready: nothing is accepted`() throws {
        let stage = try Stage()
        let worker = try stage.join(isReady: false)
        let clients = try (0..<3).map { _ in try stage.connect() }
        #expect(stage.turn())
        #expect(stage.backlog() == clients.count)
        #expect(stage.handoff.counts == HandoffCounts())
        stage.setReady(worker)
        #expect(stage.turn())
        #expect(worker.takeAll().count == 3)
    }

    @Test func `no worker at all: nothing is accepted`() throws {
        let stage = try Stage()
        let client = try stage.connect()
        #expect(stage.turn())
        #expect(stage.backlog() == 1)
        client.close()
    }

    @Test func `draining, busy or full: nothing more is accepted`() throws {
        let stage = try Stage(queueDepth: 2)
        let workers = try (0..<3).map { _ in try stage.join() }
        stage.roster.setBusy(true, at: 0)
        stage.roster.setDraining(at: 1)
        let clients = try (0..<5).map { _ in try stage.connect() }
        #expect(stage.turn())
        #expect(workers.map { $0.link.waiting() } == [0, 0, 2])
        #expect(stage.backlog() == clients.count - 2)

        _ = workers[2].take()
        stage.turn()
        #expect(stage.backlog() == 2)
        #expect(workers[2].link.waiting() == 2)
    }

    @Test func `at the limit of connections clients wait in the backlog until one closes`() throws {
        let stage = try Stage(maxConnections: 1)
        let worker = try stage.join()
        let clients = try (0..<3).map { _ in try stage.connect() }
        for remaining in [2, 1, 0] {
            stage.turn()
            stage.turn()
            #expect(stage.backlog() == remaining)
            #expect(worker.takeAll().count == 1)
            stage.turn()
            #expect(stage.backlog() == remaining)
            worker.countClose()
        }
        #expect(clients.count == 3)
    }

    // MARK: - The stash

    /// A stage whose channels hold much less than the counts allow, so that the kernel refuses first.
    private func crampedStage(workers: Int) throws -> (Stage, [PlayedWorker]) {
        let stage = try Stage(queueDepth: 10_000)
        return (stage, try (0..<workers).map { _ in try stage.join(queueDepth: 1) })
    }

    /// Connects and serves until a connection is stashed, and returns how many there were.
    private func fill(_ stage: Stage) throws -> Int {
        var count = 0
        while !stage.handoff.isStashOccupied, count < 1000 {
            // The client may go: its connection stays.
            try stage.connect().close()
            count += 1
            stage.turn()
        }
        try #require(stage.handoff.isStashOccupied)
        return count
    }

    @Test func `what nobody has room for is stashed, one connection, and nothing is accepted meanwhile`() throws {
        let (stage, workers) = try crampedStage(workers: 2)
        let count = try fill(stage)
        #expect(workers.map { $0.link.waiting() }.reduce(0, +) == count - 1)
        let late = try stage.connect()
        for _ in 0..<3 { #expect(stage.turn()) }
        #expect(stage.backlog() == 1)
        #expect(stage.handoff.isStashOccupied)
        #expect(stage.handoff.counts.accepted == UInt64(count))
        #expect(stage.handoff.counts.handed == UInt64(count - 1))
        late.close()
    }

    @Test func `the stash comes first once there is room, and no connection is lost or out of order`() throws {
        let (stage, workers) = try crampedStage(workers: 1)
        let count = try fill(stage)
        let late = try stage.connect()
        var taken = [try #require(workers[0].take())]
        for _ in 0..<count where taken.count <= count {
            stage.turn()
            if let held = workers[0].take() { taken.append(held) }
        }
        #expect(taken.map(\.packet.sequence) == (0...UInt64(count)).map { $0 })
        #expect(!stage.handoff.isStashOccupied)
        #expect(taken.last?.peer == (try late.localAddress()))
    }

    @Test func `one worker's full channel sends the connection to the other`() throws {
        let stage = try Stage(queueDepth: 10_000)
        let workers = [try stage.join(queueDepth: 1), try stage.join(queueDepth: 64)]
        while workers[0].link.channels[0].knock() == .sent {}
        for _ in 0..<4 { try stage.connect().close() }
        stage.turn()
        #expect(workers[1].takeAll().count == 4)
        #expect(!stage.handoff.isStashOccupied)
    }

    /// Root may have any number in flight, so this becomes somebody else.
    @Test func `too many descriptors in flight: the connection waits in the stash and nobody is called full`() async {
        await #expect(processExitsWith: .success) {
            let stage = try Stage(queueDepth: 64)
            let worker = try stage.join(queueDepth: 64)
            for _ in 0..<63 { try stage.connect().close() }
            waitForRuntime()
            if getuid() == 0 { try #require(setuid(65534) == 0) }
            setSoftLimit(40)
            stage.turn()
            #expect(stage.handoff.isStashOccupied)
            #expect(stage.roster.isAnyoneEligible)
            let accepted = stage.handoff.counts.accepted
            #expect(accepted < 63)
            stage.turn()
            #expect(stage.handoff.counts.accepted == accepted)

            var sequences: [UInt64] = []
            while let held = worker.take() {
                sequences.append(held.packet.sequence)
                stage.turn()
            }
            #expect(sequences == (0..<63).map { $0 })
        }
    }

    // MARK: - Bounds

    @Test func `one turn does 64 steps, and says that there is more`() throws {
        let stage = try Stage(queueDepth: 200)
        let worker = try stage.join(queueDepth: 64)
        for _ in 0..<70 { try stage.connect().close() }
        #expect(!stage.turn())
        #expect(stage.handoff.counts.accepted == 64)
        #expect(stage.backlog() == 6)
        #expect(stage.turn())
        #expect(worker.takeAll().count == 70)
    }

    @Test func `two listeners are served in turn, each through its own channel`() throws {
        let stage = try Stage(listeners: 2, queueDepth: 64)
        let worker = try stage.join(queueDepth: 64)
        for _ in 0..<10 { try stage.connect(to: 0).close() }
        for _ in 0..<10 { try stage.connect(to: 1).close() }
        #expect(stage.turn())
        let taken = [worker.takeAll(from: 0), worker.takeAll(from: 1)]
        for listener in 0...1 {
            #expect(taken[listener].allSatisfy { $0.packet.listener == listener })
            let expected = stride(from: UInt64(listener), to: 20, by: 2)
            #expect(taken[listener].map(\.packet.sequence) == Array(expected))
        }
    }

    @Test func `a flood at one listener leaves the other its half of a turn`() throws {
        let stage = try Stage(listeners: 2, queueDepth: 200)
        let worker = try stage.join(queueDepth: 64)
        for _ in 0..<70 { try stage.connect(to: 0).close() }
        for _ in 0..<3 { try stage.connect(to: 1).close() }
        stage.turn()
        #expect(worker.takeAll(from: 1).map(\.packet.sequence) == [1, 3, 5])
    }

    // MARK: - A worker that broke its channel

    @Test func `a worker that shut its channel down is marked, and its connections go to another`() throws {
        let stage = try Stage()
        let workers = [try stage.join(), try stage.join()]
        workers[0].shutDown()
        let clients = try (0..<4).map { _ in try stage.connect() }
        stage.turn()
        #expect(workers[0].link.isBroken)
        #expect(!workers[1].link.isBroken)
        #expect(workers[1].takeAll().map(\.peer) == (try clients.map { try $0.localAddress() }))
    }

    @Test func `when the only worker shuts its channel down, the connection waits for the next`() throws {
        let stage = try Stage()
        let broken = try stage.join()
        broken.shutDown()
        let client = try stage.connect()
        stage.turn()
        #expect(broken.link.isBroken)
        #expect(stage.handoff.isStashOccupied)
        stage.bury(broken)
        let successor = try stage.join()
        stage.turn()
        #expect(successor.take()?.peer == (try client.localAddress()))
    }

    @Test func `what was queued before the shutdown is taken back`() throws {
        let stage = try Stage()
        let broken = try stage.join()
        let clients = try (0..<2).map { _ in try stage.connect() }
        stage.turn()
        broken.shutDown()
        let other = try stage.join()
        stage.roster.setDraining(at: stage.index(of: broken))
        stage.turn()
        #expect(other.takeAll().map(\.peer) == (try clients.map { try $0.localAddress() }))
    }

    // MARK: - Exhaustion

    @Test func `without a descriptor left the listener rests, and the connection stays in the backlog`() async {
        await #expect(processExitsWith: .success) {
            let stage = try Stage(listeners: 2)
            let worker = try stage.join()
            let clients = [try stage.connect(to: 0), try stage.connect(to: 1)]
            try withDescriptorsExhausted {
                #expect(stage.turn())
                #expect(stage.handoff.exhaustion == EMFILE)
                let end = stage.now + .milliseconds(100)
                #expect(stage.listeners.map { $0.pausedUntil } == [end, end])
            }

            // Not before the pause is over, although it could.
            stage.now = stage.now + .milliseconds(99)
            #expect(stage.handoff.endPauses(now: stage.now) == stage.now + .milliseconds(1))
            stage.turn()
            #expect([stage.backlog(of: 0), stage.backlog(of: 1)] == [1, 1])
            stage.now = stage.now + .milliseconds(1)
            #expect(stage.handoff.endPauses(now: stage.now) == nil)
            stage.handoff.clearExhaustion()
            stage.turn()
            #expect(stage.handoff.exhaustion == nil)
            #expect(worker.take(from: 0)?.peer == (try clients[0].localAddress()))
            #expect(worker.take(from: 1)?.peer == (try clients[1].localAddress()))
        }
    }

    // MARK: - Closing listeners

    @Test func `a listener that closed is not found, and the other keeps its index`() throws {
        let stage = try Stage(listeners: 2)
        let worker = try stage.join()
        let refused = try stage.connect(to: 0)
        let client = try stage.connect(to: 1)
        stage.handoff.closeListeners { $0.index == 0 }
        #expect(stage.handoff.listeners.map(\.index) == [1])
        stage.turn()
        #expect(worker.take(from: 1)?.peer == (try client.localAddress()))
        #expect(worker.take(from: 0) == nil)
        stage.handoff.closeListeners { _ in true }
        #expect(stage.turn())
        refused.close()
    }
}
