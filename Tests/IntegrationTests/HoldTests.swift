// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    /// `maitred hold` and `maitred release`: a worker in the hands of a debugger.
    struct HoldTests {
        @Test func `a held worker gets nothing until it is released`() throws {
            try withControlled(workers: 2) { service in
                #expect(try service.run("hold", "1").output == ["worker 1 is held"])
                #expect(try service.worker(1)?["state"]?.text == "held")
                let held = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(held.failures.isEmpty && Set(held.counts.keys) == ["2"], "\(held)")
                #expect(try service.run("release", "1").output == ["worker 1 is released"])
                #expect(try service.worker(1)?["state"]?.text == "ready")
                let released = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(released.failures.isEmpty && released.counts.count == 2, "\(released)")
                #expect(
                    try service.events.all().filter { $0.worker == 1 }.suffix(2).map(\.name) == [
                        "worker-held", "worker-released",
                    ]
                )
                try service.stop()
            }
        }

        @Test func `what waits for a worker goes to others when it is held`() throws {
            try withControlled(workers: 2, ["--stall-timeout", "1h"]) { service in
                let pid = try service.service.pid(ofWorker: 1)
                try standStill(pid)
                let clients = try (0..<16).map { _ in try TestClient(service.address) }
                for client in clients { try client.request() }
                #expect(try eventually { try service.worker(1)?["queued"]?.whole == 8 })
                #expect(try service.run("hold", "1").code == 0)
                for client in clients { #expect(try client.response().field("id") == "2") }
                #expect(try service.worker(1)?["queued"]?.whole == 0)
                kill(pid, SIGCONT)
                try service.stop()
            }
        }

        @Test(arguments: ["maitred-test-worker", "maitred-demo"])
        func `a held worker may stand still as long as it likes`(program: String) throws {
            let worker = [try ProgramPath.built(program)]
            try withControlled(workers: 2, ["--hang-timeout", "1s"], worker: worker) { service in
                let pid = try service.service.pid(ofWorker: 1)
                #expect(try service.run("hold", "1").code == 0)
                try standStill(pid)
                let run = LoadRun.run(requests: 100, concurrency: 4, service.address, countedBy: \.workerID)
                #expect(run.failures.isEmpty && Set(run.counts.keys) == ["2"], "\(run)")
                try service.events.expectNone("worker-busy", "worker-hung", "worker-killed", for: .seconds(4))
                #expect(try service.worker(1)?["state"]?.text == "held")
                kill(pid, SIGCONT)
                #expect(try service.run("release", "1").code == 0)
                let back = LoadRun.run(requests: 100, concurrency: 4, service.address, countedBy: \.workerID)
                #expect(back.failures.isEmpty && back.counts["1"] ?? 0 > 0, "\(back)")
                #expect(try service.events.all("worker-hung").isEmpty)
                try service.stop()
            }
        }

        @Test func `a connection that a held worker has is its own, and it can still be stopped`() throws {
            try withControlled(workers: 2) { service in
                let client = try TestClient(service.address)
                let id = try #require(try client.get("/hold", keepAlive: true).field("id"))
                #expect(try service.run("hold", id).code == 0)
                #expect(try client.get("/keep", keepAlive: true).field("id") == id)
                try service.stop()
                #expect(try client.readToEnd() == "")
            }
        }

        @Test func `with every worker held connections wait for the first that is released`() throws {
            try withControlled(workers: 2) { service in
                for id in ["1", "2"] { #expect(try service.run("hold", id).code == 0) }
                let clients = try (0..<10).map { _ in try TestClient(service.address) }
                for client in clients { try client.request() }
                #expect(try service.status()["connections"]?["taken"]?.whole == 0)
                #expect(try service.run("release", "2").code == 0)
                for client in clients { #expect(try client.response().field("id") == "2") }
                try service.stop()
            }
        }
    }
}
