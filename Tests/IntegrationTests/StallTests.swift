// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    struct StallTests {
        @Test
        func `a worker that stood still on its second listener comes back by what it takes there`() throws {
            let service = try Service(listen: ["127.0.0.1:0", "127.0.0.1:0"], workers: 2)
            let stopped = try service.pid(ofWorker: 1)
            kill(stopped, SIGSTOP)
            for _ in 0..<4 { #expect(try TestClient.get(from: service.addresses[1]).field("id") == "2") }
            try service.master.waitForLine(containing: "worker 1 is busy")
            kill(stopped, SIGCONT)
            try service.master.waitForLine(containing: "worker 1 takes again")
            for address in service.addresses {
                #expect(LoadRun.run(requests: 40, concurrency: 2, address).counts["1"] ?? 0 > 0)
            }
            try service.stop()
        }

        @Test
        func `connections queued for a stopped worker are answered by others within a second`() throws {
            let service = try Service(workers: 2, ["--queue-depth", "16"])
            let stopped = try service.pid(ofWorker: 1)
            kill(stopped, SIGSTOP)
            let begun = ContinuousClock.now
            let clients = try (0..<16).map { _ in try TestClient(service.address) }
            for client in clients { try client.request() }
            for client in clients { #expect(try client.response().field("id") == "2") }
            #expect(ContinuousClock.now - begun < .seconds(1))

            kill(stopped, SIGCONT)
            try service.master.waitForLine(containing: "worker 1 takes again")
            let run = LoadRun.run(requests: 100, concurrency: 4, service.address)
            #expect(run.failures.isEmpty)
            #expect(run.counts.count == 2, "both serve again: \(run.counts)")
            try service.stop()
        }

        @Test
        func `a worker that was idle when it was stopped comes back by the knock`() throws {
            let service = try Service(workers: 2)
            let stopped = try service.pid(ofWorker: 1)
            kill(stopped, SIGSTOP)
            // One round over both: whatever lands on the stopped one is moved.
            for _ in 0..<4 { #expect(try TestClient.get(from: service.address).field("id") == "2") }
            try service.master.waitForLine(containing: "worker 1 is busy")
            kill(stopped, SIGCONT)
            try service.master.waitForLine(containing: "worker 1 takes again")
            #expect(LoadRun.run(requests: 40, concurrency: 2, service.address).counts["1"] ?? 0 > 0)
            try service.stop()
        }

        @Test
        func `connections queued for a killed worker are all answered`() throws {
            let service = try Service(workers: 2, ["--stall-timeout", "1h"])
            let victim = try service.pid(ofWorker: 1)
            kill(victim, SIGSTOP)
            let clients = try (0..<20).map { _ in try TestClient(service.address) }
            for client in clients { try client.request() }
            // Those given to the living one are answered; the rest sit in the stopped one's channel.
            kill(victim, SIGKILL)
            for client in clients { #expect(try client.response().status == 200) }
            try service.stop()
        }

        @Test
        func `with every worker stopped nothing is lost, and all is served once they go on`() throws {
            let service = try Service(workers: 2)
            let pids = try [1, 2].map { try service.pid(ofWorker: $0) }
            for pid in pids { kill(pid, SIGSTOP) }
            let clients = try (0..<80).map { _ in try TestClient(service.address, within: .seconds(20)) }
            for client in clients { try client.request() }
            try service.master.waitForLine(containing: "worker 1 is busy")
            try service.master.waitForLine(containing: "worker 2 is busy")
            for pid in pids { kill(pid, SIGCONT) }
            for client in clients { #expect(try client.response().status == 200) }
            try service.stop()
        }

        @Test
        func `a worker that never takes anything costs nobody a connection`() throws {
            let worker = try ProgramPath.built("maitred-test-worker")
            let script = #"if [ "$MAITRED_WORKER_SLOT" = 0 ]; then exec "$0" --mode never-read; else exec "$0"; fi"#
            let service = try Service(workers: 3, worker: ["/bin/sh", "-c", script, worker])
            let run = LoadRun.run(requests: 600, concurrency: 8, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.counts.count == 2)
        }
    }
}
