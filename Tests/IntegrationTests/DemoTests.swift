// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// The demo server behind the master: a Hummingbird application whose connections are handed over.
    struct DemoTests {
        @Test func `different workers answer, each with its own id and process`() throws {
            let service = try demo(workers: 4)
            let run = LoadRun.run(requests: 1000, concurrency: 8, service.address) { response in
                "\(response.jsonNumber("id") ?? 0) \(response.jsonNumber("pid") ?? 0)"
            }
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            let owners = try (1...4).map { "\($0) \(try service.pid(ofWorker: $0))" }
            #expect(run.counts.keys.sorted() == owners.sorted())
            let response = try TestClient.get("/some/../?path=1", from: service.address)
            #expect(response.status == 404)
            try service.stop()
        }

        @Test func `while one worker's loop is blocked the others answer everything`() throws {
            let service = try demo(workers: 2)
            let blocker = try TestClient(service.address)
            try blocker.request("/block?ms=3000")
            let workers = try [1, 2].map { try service.pid(ofWorker: $0) }
            // What it takes before its loop stands still, nobody can answer for it.
            try #require(eventually { workers.contains { isAThreadSleeping(of: $0) } })
            let run = LoadRun.run(requests: 200, concurrency: 4, service.address, countedBy: id)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.time < .seconds(2), "what was queued for the blocked one was moved late: \(run.time)")
            let blocked = try #require(try blocker.response().jsonNumber("id"))
            #expect(run.counts["\(blocked)"] == nil, "\(run.counts)")
            // Back in the rotation as soon as it takes again.
            try service.master.waitForLine(containing: "worker \(blocked) takes again")
            #expect(LoadRun.run(requests: 40, concurrency: 2, service.address, countedBy: id).counts.count == 2)
            try service.stop()
        }

        @Test(arguments: [("/exit?code=3", "exit code 3"), ("/abort", "signal 6")])
        func `a worker that dies at a request is replaced`(path: String, end: String) throws {
            let service = try demo(workers: 2, ["--min-uptime", "0s"])
            let victim = try TestClient(service.address)
            try victim.request(path)
            #expect(throws: TestFailure.self) { try victim.response() }
            let line = try service.master.waitForLine(containing: " exited: ")
            #expect(line.contains(end), "\(line)")
            let run = LoadRun.run(requests: 200, concurrency: 4, service.address, countedBy: id)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            try service.master.waitForLine(containing: "worker 3 ready")
            let after = LoadRun.run(requests: 200, concurrency: 4, service.address, countedBy: id)
            #expect(after.failures.isEmpty && after.counts.count == 2 && after.counts["3"] != nil, "\(after)")
            try service.stop()
        }

        @Test func `a stop lets requests finish and closes connections that are only kept`() throws {
            let service = try demo(workers: 2)
            let idle = try (0..<4).map { _ in try TestClient(service.address) }
            for client in idle { #expect(try client.get(keepAlive: true).status == 200) }
            let asking = try (0..<4).map { _ in try TestClient(service.address) }
            for client in asking { #expect(try client.get(keepAlive: true).status == 200) }
            for client in asking { try client.request("/sleep?ms=700", keepAlive: true) }
            let begun = ContinuousClock.now
            service.master.signal(SIGTERM)
            for client in idle { #expect(try client.readToEnd() == "") }
            for client in asking {
                let response = try client.response()
                #expect(response.status == 200)
                #expect(response.headers["connection"] == "close")
                #expect(try client.readToEnd() == "")
            }
            #expect(try service.master.waitExit() == .exited(code: 0))
            #expect(ContinuousClock.now - begun < .seconds(5))
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `large bodies arrive whole, from several workers at once`() throws {
            let service = try demo(workers: 2)
            let run = LoadRun.run(requests: 16, concurrency: 4, service.address, path: "/bytes?n=5000000") { response in
                "\(response.body.utf8.count)"
            }
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.counts == ["5000000": 16])
            try service.stop()
        }

        @Test func `with one place per worker clients take turns`() throws {
            let service = try demo(workers: 2, ["--max-connections", "1"])
            let run = LoadRun.run(requests: 500, concurrency: 16, service.address, countedBy: id)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.counts.count == 2)
            try service.stop()
        }

        @Test func `when the master is killed the demo finishes and ends`() throws {
            let service = try demo(workers: 2)
            let client = try TestClient(service.address)
            #expect(try client.get(keepAlive: true).status == 200)
            try client.request("/sleep?ms=300", keepAlive: true)
            service.master.signal(SIGKILL)
            #expect(try client.response().status == 200)
            #expect(eventually { service.master.descendants.isEmpty })
        }

        private func demo(workers: Int, _ options: [String] = []) throws -> Service {
            try Service(workers: workers, options, worker: [ProgramPath.built("maitred-demo")])
        }

        private var id: @Sendable (TestResponse) -> String {
            { response in "\(response.jsonNumber("id") ?? 0)" }
        }
    }
}
