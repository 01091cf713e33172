// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredControl
import MaitredSupervise
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(5)))
struct ControlServerTests {
    // MARK: - Lines

    @Test func `several clients are served at once, each with its own answers`() throws {
        let stage = try ControlStage()
        let clients = try (0..<5).map { _ in try stage.connect() }
        while stage.isReported { stage.turn() }
        for (index, client) in clients.enumerated() { try client.send("request \(index)") }
        stage.turn()
        let requests = stage.requests()
        #expect(requests.map(\.text) == (0..<5).map { "request \($0)" })
        #expect(Set(requests.map(\.client)).count == 5)
        for request in requests.reversed() { stage.send("answer to \(request.text)", to: request.client) }
        for (index, client) in clients.enumerated() {
            #expect(try client.line() == "answer to request \(index)")
        }
        #expect(stage.server.counts == ControlCounts(accepted: 5))
    }

    @Test func `a line may come in parts, and several in one`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        try client.sendRaw("on")
        stage.turn()
        #expect(stage.requests().isEmpty)
        try client.sendRaw("e\ntwo\nthr")
        stage.turn()
        #expect(stage.requests().map(\.text) == ["one", "two"])
        try client.sendRaw("ee\n")
        stage.turn()
        #expect(stage.requests().map(\.text) == ["three"])
    }

    @Test func `of many lines eight are taken in a turn, and the rest at once in the next`() throws {
        let stage = try ControlStage()
        let eager = try stage.connect()
        let other = try stage.connect()
        stage.turn()
        try eager.sendRaw((0..<20).map { "\($0)\n" }.joined())
        try other.send("me too")
        var taken: [[String]] = []
        for _ in 0..<3 {
            stage.turn()
            taken.append(stage.requests().map(\.text))
            #expect((stage.server.deadline == Instant(nanoseconds: 0)) == (taken.count < 3))
        }
        #expect(taken.map(\.count) == [9, 8, 4])
        #expect(taken[0][1] == "me too")
        #expect(taken.joined().filter { $0 != "me too" } == (0..<20).map { "\($0)" })
    }

    @Test func `garbage is a line like any other, and a line too long ends the client`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        let other = try stage.connect()
        stage.turn()
        var generator = SystemRandomNumberGenerator()
        let garbage = (0..<10_000).map { _ in UInt8.random(in: 11...255, using: &generator) }
        try client.sendRaw(garbage + [10])
        try client.sendRaw([UInt8](repeating: 0, count: ControlClientConnection.longestLine + 1))
        stage.turn()
        #expect(stage.server.nextRequest(stage.now)?.line == garbage)
        for _ in 0..<4 {
            _ = stage.server.nextRequest(stage.now)
            stage.turn()
        }
        #expect(try client.line() == #"{"version":1,"ok":false,"error":"the line is longer than 65536 bytes"}"#)
        #expect(try client.isClosed())
        #expect(stage.server.takeDepartures().map(\.reason) == [.lineTooLong])
        try other.send("fine")
        stage.turn()
        #expect(stage.requests().map(\.text) == ["fine"])
    }

    @Test func `a line of just the limit is taken`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        let line = [UInt8](repeating: 65, count: ControlClientConnection.longestLine)
        try client.sendRaw(line + [10])
        stage.turn()
        stage.turn()
        #expect(stage.server.nextRequest(stage.now)?.line == line)
    }

    // MARK: - Slow and silent clients

    @Test func `a slow reader holds up nobody, and is closed`() throws {
        let stage = try ControlStage()
        let slow = try stage.connect()
        let other = try stage.connect()
        stage.turn()
        try slow.send("status")
        stage.turn()
        let request = try #require(stage.requests().first)
        stage.send(String(repeating: "x", count: 1 << 20), to: request.client)
        #expect(stage.server.deadline == stage.now + .seconds(10))
        stage.now = stage.now + .seconds(9)
        // What it asks now is not taken before it has read.
        try slow.send("more")
        try other.send("quick")
        stage.turn()
        #expect(stage.requests().map(\.text) == ["quick"])
        stage.now = stage.now + .seconds(1)
        stage.turn()
        #expect(stage.server.takeDepartures().map(\.reason) == [.slow])
        #expect(stage.server.counts.faults == 1)
        #expect(stage.server.clientCount == 1)
    }

    @Test func `a long answer arrives whole, and then the next request is taken`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        try client.sendRaw("status\nagain\n")
        stage.turn()
        let answer = String(repeating: "x", count: 1 << 20)
        let request = try #require(stage.server.nextRequest(stage.now))
        stage.send(answer, to: request.client)
        #expect(stage.server.nextRequest(stage.now) == nil)
        var received: String?
        for _ in 0..<100 where received == nil {
            received = try client.line(within: .zero)
            stage.turn()
        }
        #expect(received == answer)
        #expect(stage.requests().map(\.text) == ["again"])
    }

    @Test func `a subscriber that does not read is closed when too much is pending`() throws {
        let stage = try ControlStage()
        let subscriber = try stage.subscriber()
        let reader = try stage.subscriber()
        let event = [UInt8](repeating: 65, count: 1023)
        var sent = 0
        while stage.server.counts.overflows == 0, sent < 10_000 {
            stage.server.broadcast(event, stage.now)
            sent += 1
            #expect(try reader.line() != nil)
        }
        #expect(stage.server.counts.overflows == 1)
        #expect(stage.server.takeDepartures().map(\.reason) == [.overflow])
        #expect(sent > ControlClientConnection.pendingLimit / 1024)
        stage.server.broadcast(Array("last".utf8), stage.now)
        #expect(try reader.line() == "last")
        var got = 0
        while let line = try subscriber.line(), line.utf8.count == 1023 { got += 1 }
        #expect(got > 0 && got < sent)
    }

    @Test func `a subscriber may be silent for ever, with events it has not read too`() throws {
        let stage = try ControlStage()
        let subscriber = try stage.subscriber()
        #expect(stage.server.hasSubscribers)
        #expect(stage.server.deadline == .never)
        for _ in 0..<200 { stage.server.broadcast([UInt8](repeating: 65, count: 1023), stage.now) }
        #expect(stage.server.deadline == .never)
        stage.now = stage.now + .seconds(1_000_000)
        stage.turn()
        #expect(stage.server.clientCount == 1)
        for _ in 0..<200 {
            #expect(try subscriber.line(within: .zero)?.utf8.count == 1023)
            stage.turn()
        }
    }

    @Test(arguments: ["", "no newline"])
    func `without a whole line a client is closed after 10 s`(begun: String) throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        let connectedAt = stage.now
        for byte in begun.utf8 {
            stage.now = stage.now + .milliseconds(900)
            try client.sendRaw([byte])
            stage.turn()
        }
        #expect(stage.server.deadline == connectedAt + .seconds(10))
        stage.now = connectedAt + .seconds(10)
        stage.turn()
        #expect(try client.line() == #"{"version":1,"ok":false,"error":"no whole line came within 10 s"}"#)
        #expect(try client.isClosed())
        #expect(stage.server.takeDepartures().map(\.reason) == [.unfinishedLine])
    }

    @Test func `who waits for an answer may wait, who has it is to ask or go`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        try client.send("reload")
        stage.turn()
        let request = try #require(stage.requests().first)
        #expect(stage.server.deadline == .never)
        stage.now = stage.now + .seconds(3600)
        stage.turn()
        stage.send("half", to: request.client, isLast: false)
        #expect(stage.server.deadline == .never)
        stage.send("done", to: request.client)
        #expect(stage.server.deadline == stage.now + .seconds(60))
        stage.now = stage.now + .seconds(60)
        stage.turn()
        #expect(try client.line() == "half")
        #expect(try client.line() == "done")
        #expect(try client.line() == #"{"version":1,"ok":false,"error":"nothing was asked for 60 s"}"#)
        #expect(stage.server.takeDepartures().map(\.reason) == [.idle])
    }

    // MARK: - Leaving

    @Test func `who says that it has asked everything still gets its answers`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        try client.send("status")
        client.finishSending()
        stage.turn()
        let request = try #require(stage.requests().first)
        stage.turn()
        #expect(stage.server.clientCount == 1)
        stage.send("answer", to: request.client)
        #expect(try client.line() == "answer")
        #expect(try client.isClosed())
        #expect(stage.server.clientCount == 0)
    }

    @Test func `what was asked before leaving is still taken, and its answers go nowhere`() throws {
        let stage = try ControlStage()
        do {
            let client = try stage.connect()
            stage.turn()
            try client.sendRaw((0..<20).map { "\($0)\n" }.joined())
        }
        var taken = 0
        for _ in 0..<4 {
            stage.turn()
            for request in stage.requests() {
                taken += 1
                stage.send("answer", to: request.client)
            }
        }
        #expect(taken == 20)
        #expect(stage.server.clientCount == 0)
        #expect(stage.server.takeDepartures().isEmpty)
        stage.send("late", to: 1)
    }

    @Test func `a client that waits or listens and goes is forgotten, its number for good`() throws {
        let stage = try ControlStage()
        do {
            let waiting = try stage.connect()
            stage.turn()
            try waiting.send("reload")
            stage.turn()
            #expect(stage.requests().count == 1)
            _ = try stage.subscriber()
        }
        stage.turn()
        #expect(stage.server.clientCount == 0)
        let next = try stage.connect()
        stage.turn()
        try next.send("status")
        stage.turn()
        #expect(stage.requests().map(\.client) == [3])
        stage.send("for somebody else", to: 1)
        stage.send("for you", to: 3)
        #expect(try next.line() == "for you")
    }

    @Test func `nothing is reported, and no time wanted, while nobody does anything`() throws {
        let stage = try ControlStage()
        #expect(!stage.isReported)
        #expect(stage.server.deadline == .never)
        let client = try stage.connect()
        #expect(stage.isReported)
        stage.turn()
        #expect(!stage.isReported)
        try client.send("reload")
        #expect(stage.isReported)
        stage.turn()
        #expect(stage.requests().count == 1)
        client.finishSending()
        stage.turn()
        #expect(!stage.isReported)
    }
}
