// SPDX-License-Identifier: Apache-2.0

import Glibc
import Histogram
import MaitredLoad
import MaitredSystem
import MaitredTesting
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct LoadGeneratorTests {
    /// Runs a load of a third of a second.
    private static func run(
        _ server: ScriptedServer,
        _ pace: LoadPlan.Pace,
        keepsAlive: Bool = false,
        threads: Int = 2
    ) throws -> LoadResult {
        var plan = LoadPlan(to: server, pace, for: .milliseconds(333))
        plan.keepsAlive = keepsAlive
        plan.threads = threads
        return try LoadGenerator.run(plan)
    }

    @Test(arguments: LoadErrorTests.paces, [true, false])
    func `every request is answered, counted and timed`(pace: LoadPlan.Pace, keepsAlive: Bool) throws {
        let server = try ScriptedServer { $0.answerAll() }
        defer { server.end() }
        let result = try Self.run(server, pace, keepsAlive: keepsAlive)
        #expect(result.failed == 0)
        #expect(result.answered > 20)
        #expect(result.latency.totalCount == result.answered)
        #expect(result.serviceTime.totalCount == result.answered)
        #expect(result.seconds.map(\.answered) == [result.answered])
        #expect(result.time == .milliseconds(333))
        #expect(result.cpuTime > .zero)
        #expect(result.bytes >= result.answered * 43)
        if keepsAlive {
            #expect(result.connections <= 67)
        } else {
            #expect(result.connections >= result.answered)
            #expect(result.connections <= result.answered + 70)
        }
    }

    @Test func `an open loop sends what its rate says`() throws {
        let server = try ScriptedServer { $0.answerAll() }
        defer { server.end() }
        let result = try Self.run(server, .open(perSecond: 300, .constant))
        #expect(result.answered + result.unfinished == 100)
        let bursts = try Self.run(server, .bursts(of: 20, every: .milliseconds(100)), threads: 3)
        #expect(bursts.answered + bursts.unfinished == 80)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + String(repeating: "x", count: 200_000),
    ])
    func `answers of every form keep a connection`(text: String) throws {
        let server = try ScriptedServer { peer in
            while peer.request() != nil { peer.send(text) }
        }
        defer { server.end() }
        let result = try Self.run(server, .closed(connections: 3), keepsAlive: true)
        #expect(result.failed == 0)
        #expect(result.answered > 10)
        #expect(result.connections == 3)
    }

    @Test func `an answer may end with the connection`() throws {
        let server = try ScriptedServer { peer in
            guard peer.request() != nil else { return }
            peer.send("HTTP/1.1 200 OK\r\n\r\n")
            peer.send(String(repeating: "x", count: 100_000))
        }
        defer { server.end() }
        let result = try Self.run(server, .closed(connections: 3), keepsAlive: true)
        #expect(result.failed == 0)
        #expect(result.answered > 10)
        #expect(result.bytes >= result.answered * 100_000)
    }

    /// Three ways in which a server ends a connection that is kept: each costs a connection, and no request.
    @Test(arguments: ["announced", "after the answer", "at the next request"], LoadErrorTests.paces)
    func `a server may close between two answers`(way: String, pace: LoadPlan.Pace) throws {
        let server = try ScriptedServer { peer in
            guard peer.request() != nil else { return }
            peer.answer(headers: way == "announced" ? "Connection: close\r\n" : "")
            if way == "at the next request" { _ = peer.request() }
        }
        defer { server.end() }
        let result = try Self.run(server, pace, keepsAlive: true)
        #expect(result.failed == 0)
        #expect(result.answered > 20)
        #expect(result.connections >= result.answered)
    }

    @Test func `of a mix each request has its share`() throws {
        let asked = Guarded<[String: Int]>([:])
        let server = try ScriptedServer { peer in
            while let path = peer.request() {
                asked.withLock { $0[path, default: 0] += 1 }
                peer.answer()
            }
        }
        defer { server.end() }
        var plan = LoadPlan(to: server, .open(perSecond: 2000, .poisson), for: .milliseconds(500))
        plan.requests = [.init(weight: 3, path: "/often"), .init(weight: 1, path: "/seldom")]
        plan.keepsAlive = true
        let result = try LoadGenerator.run(plan)
        #expect(result.failed == 0)
        let counts = asked.withLock { $0 }
        let often = Double(counts["/often"] ?? 0)
        let seldom = Double(counts["/seldom"] ?? 0)
        #expect(often + seldom > 800)
        #expect(abs(seldom / (often + seldom) - 0.25) < 0.06)
    }

    @Test func `idle connections are held all the time and say nothing`() throws {
        let silent = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let server = try ScriptedServer { peer in
            // The first connection only tries the address.
            guard 1...25 ~= peer.index else { return peer.answerAll() }
            silent.wrappingAdd(1, ordering: .relaxed)
            if peer.request() == nil { silent.wrappingSubtract(1, ordering: .relaxed) }
        }
        defer { server.end() }
        var plan = LoadPlan(to: server, .closed(connections: 2), for: .milliseconds(300))
        plan.idle = 25
        let result = try LoadGenerator.run(plan) {
            true
        } progress: { progress in
            if progress.isMeasuring { most.max(silent.load(ordering: .relaxed), ordering: .relaxed) }
        }
        #expect(most.load(ordering: .relaxed) == 25)
        #expect(result.answered > 0)
        #expect(eventually { silent.load(ordering: .relaxed) == 0 })
    }

    @Test func `an idle connection that the server ends is opened again`() throws {
        let opened = Atomic<Int>(0)
        let server = try ScriptedServer { peer in
            // The first connection only tries the address; the next three are the idle ones, and are ended at once.
            guard peer.index > 0 else { return peer.answerAll() }
            if peer.index <= 3 {
                opened.wrappingAdd(1, ordering: .relaxed)
                return
            }
            opened.wrappingAdd(1, ordering: .relaxed)
            peer.answerAll()
        }
        defer { server.end() }
        var plan = LoadPlan(to: server, .closed(connections: 1), for: .milliseconds(1500))
        plan.keepsAlive = true
        plan.idle = 3
        let result = try LoadGenerator.run(plan) {
            true
        } progress: { _ in
        }
        #expect(result.answered > 0)
        // Three that were ended, three in their place, one that asks.
        #expect(opened.load(ordering: .relaxed) == 7)
    }

    @Test func `the warm-up is sent and not counted`() throws {
        let asked = Atomic<Int>(0)
        let server = try ScriptedServer { peer in
            while peer.request() != nil {
                asked.wrappingAdd(1, ordering: .relaxed)
                peer.answer()
            }
        }
        defer { server.end() }
        var plan = LoadPlan(to: server, .open(perSecond: 500, .constant), for: .milliseconds(200))
        plan.warmUp = .milliseconds(400)
        let result = try LoadGenerator.run(plan)
        #expect(result.answered + result.unfinished == 100)
        #expect(result.latency.totalCount == result.answered)
        #expect(asked.load(ordering: .relaxed) > 250)
        #expect(result.time == .milliseconds(200))
    }

    @Test func `the connections of a closed loop come one after the other while the load rises`() throws {
        let server = try ScriptedServer { $0.answerAll() }
        defer { server.end() }
        var plan = LoadPlan(to: server, .closed(connections: 10), for: .milliseconds(100))
        plan.ramp = .milliseconds(200)
        plan.keepsAlive = true
        plan.threads = 3
        // At 0, 20, 40, 60 and 80 ms.
        #expect(try LoadGenerator.run(plan).connections == 5)
    }

    @Test func `a run tells how far it is, and ends when it is told to`() throws {
        let server = try ScriptedServer { $0.answerAll() }
        defer { server.end() }
        var plan = LoadPlan(to: server, .closed(connections: 2), for: .seconds(100))
        plan.warmUp = .milliseconds(50)
        var last: LoadProgress?
        let result = try LoadGenerator.run(plan, while: { (last?.answered ?? 0) < 10 }, progress: { last = $0 })
        #expect(last?.isMeasuring == true)
        #expect(last?.total == .milliseconds(100_050))
        #expect(result.answered >= 10)
        #expect(result.time < .seconds(50))
        #expect(result.seconds.count == Int((result.time / .seconds(1)).rounded(.up)))
    }

    @Test func `over IPv6`() throws {
        let server = try ScriptedServer(at: try .resolve(host: "::1", port: 0)) { $0.answerAll() }
        defer { server.end() }
        #expect(try Self.run(server, .closed(connections: 3)).answered > 10)
    }

    @Test(arguments: [true, false])
    func `over a Unix socket`(keepsAlive: Bool) throws {
        try withTemporaryDirectory { directory in
            let server = try ScriptedServer(at: try SocketAddress(unixPath: "\(directory)/s")) { $0.answerAll() }
            defer { server.end() }
            let result = try Self.run(server, .closed(connections: 3), keepsAlive: keepsAlive)
            #expect(result.failed == 0)
            #expect(result.answered > 10)
        }
    }

    @Test func `the first address that answers is used`() throws {
        let gone = try ScriptedServer(accepting: 0) { _ in }
        gone.end()
        let server = try ScriptedServer { $0.answerAll() }
        defer { server.end() }
        var plan = LoadPlan(to: server, .closed(connections: 1), for: .milliseconds(100))
        plan.addresses = [gone.address, server.address]
        #expect(eventually { (try? ClientSocket.connect(to: gone.address, within: .seconds(1))) == nil })
        #expect(try LoadGenerator.run(plan).answered > 0)
    }

    @Test func `a run leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let server = try ScriptedServer { $0.answerAll() }
            _ = try Self.run(server, .closed(connections: 4))
            #expect(eventually { server.open == 0 })
            let before = openDescriptorCount()
            for pace in LoadErrorTests.paces {
                _ = try Self.run(server, pace, keepsAlive: true)
                _ = try Self.run(server, pace)
            }
            #expect(eventually { server.open == 0 })
            #expect(openDescriptorCount() == before)
            server.end()
        }
    }
}
