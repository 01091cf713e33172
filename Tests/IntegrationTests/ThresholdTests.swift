// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    /// Memory, processor time, age and requests: what is said, who is replaced, and that nobody's request is lost by it.
    struct ThresholdTests {
        private static let megabyte = 1_000_000.0

        @Test func `above max-memory a worker is warned about and least-memory picks the others`() throws {
            let options = ["--max-memory", "200MB", "--strategy", "least-memory"]
            try withControlled(workers: 3, options, worker: Self.demo()) { service in
                let big = try Self.grow(service, mebibytes: 250)
                let event = try service.events.wait(for: "worker-high-memory")
                #expect(event.worker == big)
                #expect(event.number("limit") == 200 * Self.megabyte)
                #expect(try #require(event.number("memory")) > 250 * Self.megabyte)
                let run = LoadRun.run(requests: 200, concurrency: 4, service.address, countedBy: \.workerID)
                #expect(run.failures.isEmpty && run.counts["\(big)"] == nil, "\(run)")
                #expect(try #require(try service.worker(big)?["memory"]?.number) > 250 * Self.megabyte)
                try service.events.expectNone("worker-recycling", "worker-exited", for: .seconds(2))
                #expect(try service.events.all("worker-high-memory").count == 1)
                try service.stop()
            }
        }

        @Test func `with recycle memory a worker that grew is replaced under load, and no request fails`() throws {
            let options = ["--max-memory", "200MB", "--recycle", "memory"]
            try withControlled(workers: 3, options, worker: Self.demo()) { service in
                let load = BackgroundLoad(service.address, countedBy: \.workerID)
                let big = try Self.grow(service, mebibytes: 250)
                let recycling = try service.events.wait(for: "worker-recycling", worker: big)
                #expect(recycling.text("reason")?.contains("of memory") == true, "\(recycling.message)")
                let exited = try service.events.wait(for: "worker-exited", worker: big)
                let ready = try service.events.wait(for: "worker-ready", worker: 4)
                #expect(ready.sequence < exited.sequence && ready.slot == exited.slot)
                #expect(exited.json["asked"] == .flag(true))
                #expect(eventually { load.soFar.counts["4"] ?? 0 > 0 })
                let outcome = try load.stop()
                #expect(outcome.failures.isEmpty, "\(outcome.failures)")
                try service.stop()
            }
        }

        @Test func `above memory-limit a worker is killed and replaced`() throws {
            let options = ["--max-memory", "none", "--memory-limit", "200MB"]
            try withControlled(workers: 2, options, worker: Self.demo()) { service in
                let big = try Self.grow(service, mebibytes: 250)
                let killed = try service.events.wait(for: "worker-killed", worker: big)
                #expect(killed.text("reason")?.contains("more than its limit") == true, "\(killed.message)")
                #expect(try service.events.wait(for: "worker-exited", worker: big).text("signal") == "SIGKILL")
                #expect(try service.events.wait(for: "worker-ready", worker: 3).slot == killed.slot)
                #expect(try service.events.all("worker-high-memory").isEmpty)
                try service.stop()
            }
        }

        @Test func `above max-cpu a worker is warned about until it uses less again`() throws {
            try withControlled(workers: 2, ["--max-cpu", "5%"], worker: Self.demo()) { service in
                let client = try TestClient(service.address, within: .seconds(60))
                try client.request("/work?ms=3000")
                let high = try service.events.wait(for: "worker-high-cpu", within: .seconds(30))
                #expect(5.0...120 ~= (high.number("cpuPercent") ?? 0) && high.number("limit") == 5, "\(high)")
                #expect(try client.response().jsonNumber("id") == high.worker)
                let normal = try service.events.wait(for: "worker-normal-cpu", worker: high.worker)
                #expect(try #require(normal.number("cpuPercent")) < 5)
                try service.events.expectNone("worker-exited", "worker-killed", for: .seconds(1))
                try service.stop()
            }
        }

        @Test(arguments: [["--max-age", "2s"], ["--max-requests", "50"]])
        func `worn workers are replaced one after another under load, and no request fails`(options: [String]) throws {
            try withControlled(workers: 4, options) { service in
                let load = BackgroundLoad(service.address)
                try service.events.wait(for: "worker-exited", count: 8, within: .seconds(40))
                let outcome = try load.stop()
                #expect(outcome.failures.isEmpty, "\(outcome.failures)")
                #expect(outcome.answered > 500)
                try Self.checkTurns(service.events.all(), workers: 4)
                for event in try service.events.all("worker-exited") { #expect(event.json["asked"] == .flag(true)) }
                try service.stop()
            }
        }

        /// Checks that no two workers were on their way in or out at the same time, once the first ones were ready.
        private static func checkTurns(_ events: [TestEvent], workers: Int) throws {
            var moving: Set<Int> = []
            for event in events {
                guard let worker = event.worker else { continue }
                switch event.name {
                case "worker-started" where worker > workers: moving.insert(worker)
                case "worker-draining": moving.insert(worker)
                case "worker-ready", "worker-exited": moving.remove(worker)
                default: break
                }
                #expect(moving.count <= 1, "\(moving) at event \(event.sequence): \(event.message)")
            }
        }

        /// Makes one worker of the demo bigger, and says which.
        private static func grow(_ service: ControlledService, mebibytes: Int) throws -> Int {
            try #require(try TestClient.get("/alloc?mb=\(mebibytes)", from: service.address).jsonNumber("id"))
        }

        private static func demo() throws -> [String] {
            [try ProgramPath.built("maitred-demo")]
        }
    }
}
