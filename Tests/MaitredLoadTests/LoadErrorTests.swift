// SPDX-License-Identifier: Apache-2.0

import Histogram
import MaitredLoad
import MaitredSystem
import MaitredTesting
import Testing

/// Every reason for which a request can fail, in both kinds of loop, with a server that does just that.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct LoadErrorTests {
    static let paces: [LoadPlan.Pace] = [.closed(connections: 3), .open(perSecond: 200, .constant)]

    /// Runs a short load against a script.
    private static func run(
        _ pace: LoadPlan.Pace,
        accepting limit: Int = .max,
        timeout: Duration = .seconds(10),
        _ script: @escaping @Sendable (Peer) -> Void
    ) throws -> LoadResult {
        let server = try ScriptedServer(accepting: limit, script)
        defer { server.end() }
        var plan = LoadPlan(to: server, pace, for: .milliseconds(400))
        plan.warmUp = .milliseconds(100)
        plan.timeout = timeout
        plan.threads = 2
        return try LoadGenerator.run(plan)
    }

    private func expectOnly(_ error: LoadError, _ result: LoadResult) {
        #expect(result.answered == 0)
        #expect(result.latency.totalCount == 0)
        #expect(Array(result.errors.keys) == [error])
        #expect(result.failed >= 3)
        #expect(result.seconds.map(\.failed).reduce(0, +) == result.failed)
    }

    @Test(arguments: paces)
    func `nobody listens any more: refused`(pace: LoadPlan.Pace) throws {
        // The address is tried, and the listener goes during the warm-up.
        expectOnly(.refused, try Self.run(pace, accepting: 1) { _ in })
    }

    @Test(arguments: paces)
    func `the server resets instead of answering: reset`(pace: LoadPlan.Pace) throws {
        let result = try Self.run(pace) { peer in
            guard peer.request() != nil else { return }
            peer.send("HTTP/1.1 200 OK\r\n")
            peer.reset()
        }
        expectOnly(.reset, result)
    }

    @Test(arguments: paces)
    func `the server never answers: timeout`(pace: LoadPlan.Pace) throws {
        expectOnly(.timeout, try Self.run(pace, timeout: .milliseconds(60)) { $0.waitForEnd() })
    }

    @Test func `a request that finds no free connection in time has failed as well`() throws {
        let server = try ScriptedServer { $0.waitForEnd() }
        defer { server.end() }
        var plan = LoadPlan(to: server, .open(perSecond: 200, .constant), for: .milliseconds(500))
        plan.timeout = .milliseconds(150)
        plan.openLoopConnections = 2
        let result = try LoadGenerator.run(plan)
        expectOnly(.timeout, result)
        #expect(result.connections < 30)
        #expect(result.failed + result.unfinished == 100)
        #expect(result.failed > 40)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nConte",
        "",
    ])
    func `the connection ends before the answer does: short body`(text: String) throws {
        for pace in Self.paces {
            let result = try Self.run(pace) { peer in
                if peer.request() != nil { peer.send(text) }
            }
            expectOnly(.shortBody, result)
        }
    }

    @Test(arguments: ["404 Not Found", "503 Service Unavailable", "302 Found"])
    func `an answer that is not good: bad status`(status: String) throws {
        for pace in Self.paces {
            expectOnly(.badStatus, try Self.run(pace) { if $0.request() != nil { $0.answer(status) } })
        }
    }

    @Test(arguments: ["SSH-2.0-x\r\n", "x", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ntoo much"])
    func `what is no answer, or more than one: bad response`(text: String) throws {
        for pace in Self.paces {
            let result = try Self.run(pace) { peer in
                if peer.request() != nil { peer.send(text) }
            }
            expectOnly(.badResponse, result)
        }
    }

    @Test func `without a free descriptor: local`() async {
        await #expect(processExitsWith: .success) {
            let server = try ScriptedServer { $0.waitForEnd() }
            let result = try withDescriptorsExhaustedForLoad {
                try LoadGenerator.run(LoadPlan(to: server, .closed(connections: 40), for: .milliseconds(300)))
            }
            #expect(result.errors[.local] ?? 0 > 0)
            #expect(result.answered == 0)
            server.end()
        }
    }

    @Test func `a server that was never there is an error of the whole run`() throws {
        let server = try ScriptedServer(accepting: 0) { _ in }
        server.end()
        #expect(eventually { (try? ClientSocket.connect(to: server.address, within: .seconds(1))) == nil })
        let failure = #expect(throws: LoadFailure.self) {
            try LoadGenerator.run(LoadPlan(to: server, .closed(connections: 1), for: .seconds(1)))
        }
        #expect(failure?.description == "cannot connect to \(server.address): Connection refused (ECONNREFUSED)")
    }
}

/// Leaves a few descriptors: an epoll, some connections, not all.
private func withDescriptorsExhaustedForLoad(_ body: () throws -> LoadResult) throws -> LoadResult {
    var result = LoadResult()
    try withDescriptorsExhausted(leaving: 20) { result = try body() }
    return result
}
