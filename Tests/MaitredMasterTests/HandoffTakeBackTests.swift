// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredBalance
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(1)))
struct HandoffTakeBackTests {
    @Test func `the queues of two workers that died go to a third in the order of accept`() throws {
        let stage = try Stage()
        let dead = [try stage.join(), try stage.join()]
        for _ in 0..<6 { try stage.connect().close() }
        stage.turn()
        #expect(dead.map { $0.link.waiting() } == [3, 3])
        // Whoever died first, the oldest connection goes first.
        stage.bury(dead[1])
        stage.bury(dead[0])
        #expect(stage.handoff.hasDeparted)

        let heir = try stage.join()
        for _ in 0..<2 { try stage.connect().close() }
        stage.turn()
        #expect(heir.takeAll().map(\.packet.sequence) == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(!stage.handoff.hasDeparted)
        #expect(stage.handoff.counts.takenBack == 6)
    }

    @Test func `more than a turn can take back is taken back in the next turns`() throws {
        let stage = try Stage(queueDepth: 64)
        let stuck = [try stage.join(queueDepth: 64), try stage.join(queueDepth: 64)]
        let clients = try (0..<80).map { _ in try stage.connect() }
        stage.turn()
        stage.turn()
        #expect(stuck.map { $0.link.waiting() } == [40, 40])
        let heirs = [try stage.join(queueDepth: 64), try stage.join(queueDepth: 64)]
        for index in 0...1 { stage.roster.setBusy(true, at: index) }
        for listener in stage.listeners { listener.isReadable = false }
        #expect(!stage.handoff.serve(now: stage.now, exhaustively: false))
        #expect(stage.handoff.serve(now: stage.now, exhaustively: false))
        #expect(heirs.map { $0.link.waiting() } == [40, 40])
        _ = clients
    }

    @Test func `what is taken back is the client's own connection, at its own listener`() throws {
        let stage = try Stage(listeners: 2)
        let dead = try stage.join()
        let clients = [try stage.connect(to: 1), try stage.connect(to: 0)]
        stage.turn()
        stage.bury(dead)
        let heir = try stage.join()
        stage.turn()
        #expect(heir.take(from: 0)?.peer == (try clients[1].localAddress()))
        do {
            let held = try #require(heir.take(from: 1))
            held.answer("still here")
        }
        #expect(try clients[0].readToEnd() == "still here")
    }

    @Test func `what a worker did take is never handed out again`() throws {
        let stage = try Stage()
        let dead = try stage.join()
        for _ in 0..<3 { try stage.connect().close() }
        stage.turn()
        // Received, and not said so any more.
        let held = dead.take(isCounted: false)
        #expect(held?.packet.sequence == 0)
        stage.bury(dead)
        let heir = try stage.join()
        stage.turn()
        #expect(heir.takeAll().map(\.packet.sequence) == [1, 2])
    }

    @Test func `only channels that hold packets are kept`() throws {
        let stage = try Stage(listeners: 2)
        let worker = try stage.join()
        stage.bury(worker)
        #expect(!stage.handoff.hasDeparted)
        let second = try stage.join()
        try stage.connect(to: 1).close()
        stage.turn()
        stage.bury(second)
        #expect(stage.handoff.hasDeparted)
    }

    @Test func `a dead worker's knock is nobody's connection`() throws {
        let stage = try Stage()
        let dead = try stage.join()
        dead.link.knock()
        stage.bury(dead)
        let heir = try stage.join()
        stage.turn()
        #expect(!stage.handoff.hasDeparted)
        #expect(heir.link.waiting() == 0)
        #expect(stage.handoff.counts == HandoffCounts())
    }

    @Test func `while nobody is eligible it all waits where it is`() throws {
        let stage = try Stage()
        let dead = try stage.join()
        for _ in 0..<3 { try stage.connect().close() }
        stage.turn()
        stage.bury(dead)
        let heir = try stage.join(isReady: false)
        for _ in 0..<3 { #expect(stage.turn()) }
        #expect(stage.handoff.hasDeparted)
        #expect(dead.link.waiting() == 3)
        #expect(stage.handoff.counts.takenBack == 0)
        stage.setReady(heir)
        stage.turn()
        #expect(heir.takeAll().count == 3)
    }

    @Test func `a worker that becomes full ends it, and nothing is in the master's hand`() throws {
        let stage = try Stage(queueDepth: 4)
        let dead = [try stage.join(), try stage.join()]
        for _ in 0..<8 { try stage.connect().close() }
        stage.turn()
        for worker in dead { stage.bury(worker) }
        let heir = try stage.join()
        stage.turn()
        #expect(heir.link.waiting() == 4)
        #expect(!stage.handoff.isStashOccupied)
        #expect(dead.map { $0.link.waiting() } == [2, 2])
        var sequences: [UInt64] = []
        while let held = heir.take() {
            sequences.append(held.packet.sequence)
            stage.turn()
        }
        #expect(sequences == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test(arguments: [true, false])
    func `a busy or draining worker's queue goes to others, and the count follows`(isBusy: Bool) throws {
        let stage = try Stage()
        let stuck = try stage.join()
        for _ in 0..<3 { try stage.connect().close() }
        stage.turn()
        let other = try stage.join()
        if isBusy { stage.roster.setBusy(true, at: 0) } else { stage.roster.setDraining(at: 0) }
        stage.turn()
        #expect(other.takeAll().map(\.packet.sequence) == [0, 1, 2])
        stage.turn()
        #expect(stuck.link.queue.queued == 0)
        #expect(stage.load(of: stuck).open == 0)
        #expect(!stuck.link.queue.hasUnreportedTakes)
    }

    @Test func `a busy worker that takes while it is taken from: nothing is lost, nothing comes twice`() throws {
        let stage = try Stage()
        let stuck = try stage.join()
        for _ in 0..<6 { try stage.connect().close() }
        stage.turn()
        let other = try stage.join(isReady: false)
        stage.roster.setBusy(true, at: 0)
        var sequences = [stuck.take(isCounted: false), stuck.take()].compactMap { $0?.packet.sequence }
        stage.setReady(other)
        stage.turn()
        sequences += other.takeAll().map(\.packet.sequence)
        #expect(sequences == [0, 1, 2, 3, 4, 5])
        // The take that was never said is not held against it as queued.
        stage.turn()
        #expect(stuck.link.queue.queued == 0)
        stuck.countTake()
        stage.turn()
        #expect(stage.load(of: stuck).open == 2)
    }

    @Test func `a knock that lies in front of connections does not hide them`() throws {
        let stage = try Stage()
        let stuck = try stage.join()
        stuck.link.knock()
        for _ in 0..<2 { try stage.connect().close() }
        stage.turn()
        let other = try stage.join()
        stage.roster.setBusy(true, at: 0)
        stage.turn()
        #expect(other.takeAll().map(\.packet.sequence) == [0, 1])
        #expect(stuck.link.knockedChannels == [])
    }

    @Test func `taking back counts in the same bound as accepting`() throws {
        let stage = try Stage(queueDepth: 200)
        let dead = try stage.join(queueDepth: 64)
        for _ in 0..<50 { try stage.connect().close() }
        stage.turn()
        stage.bury(dead)
        let heir = try stage.join(queueDepth: 64)
        for _ in 0..<50 { try stage.connect().close() }
        #expect(!stage.turn())
        #expect(stage.handoff.counts.takenBack == 50)
        #expect(stage.handoff.counts.accepted <= 50 + 14)
        #expect(stage.turn())
        #expect(heir.takeAll().map(\.packet.sequence) == (0..<100).map { $0 })
    }

    @Test func `at the master's limit on descriptors nothing that is taken back is lost`() async {
        await #expect(processExitsWith: .success) {
            let stage = try Stage()
            let dead = try stage.join()
            for _ in 0..<3 { try stage.connect().close() }
            stage.turn()
            stage.bury(dead)
            let heir = try stage.join()
            try withDescriptorsExhausted {
                for _ in 0..<3 { #expect(stage.turn()) }
                #expect(stage.handoff.exhaustion == EMFILE)
                #expect(stage.handoff.counts == HandoffCounts(accepted: 3, handed: 3))
            }
            stage.turn()
            #expect(heir.takeAll().map(\.packet.sequence) == [0, 1, 2])
            #expect(!stage.handoff.hasDeparted)
        }
    }

    @Test func `no descriptor is left behind, whatever way a connection went`() async {
        await #expect(processExitsWith: .success) {
            let stage = try Stage()
            let survivor = try stage.join()
            let before = openDescriptorCount()
            for _ in 0..<50 {
                let dying = try stage.join()
                for _ in 0..<4 { try stage.connect().close() }
                stage.turn()
                _ = dying.take()
                stage.roster.setBusy(true, at: stage.index(of: dying))
                stage.turn()
                stage.bury(dying)
                stage.turn()
                _ = survivor.takeAll()
            }
            #expect(!stage.handoff.hasDeparted)
            #expect(openDescriptorCount() == before)
        }
    }
}
