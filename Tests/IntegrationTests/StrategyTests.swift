// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    struct StrategyTests {
        @Test(
            arguments: [
                "round-robin", "least-connections", "least-memory", "power-of-two", "source-hash", "random",
            ])
        func `ten thousand new connections over four workers: none fails`(strategy: String) throws {
            let service = try Service(["--strategy", strategy, "--stall-timeout", "5s"])
            let run = LoadRun.run(requests: 10000, concurrency: 16, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.answered == 10000)
            switch strategy {
            case "round-robin":
                #expect(run.counts.count == 4)
                #expect(run.spread <= 1, "\(run.counts)")
            case "source-hash":
                #expect(run.counts.count == 1, "one client address belongs to one worker: \(run.counts)")
            default:
                #expect(run.counts.count == 4, "\(run.counts)")
            }
            try service.stop()
        }

        @Test
        func `held connections are even under least-connections, and again after a worker was killed`() throws {
            let service = try Service(["--strategy", "least-connections", "--stall-timeout", "5s"])
            var held = HeldConnections()
            try held.open(400, to: service.address)
            #expect(held.counts.values.allSatisfy { abs($0 - 100) <= 1 }, "\(held.counts)")

            let lost = held.counts["2"] ?? 0
            kill(try service.pid(ofWorker: 2), SIGKILL)
            held.drop(worker: "2")
            try service.waitForReady(5)
            try held.open(lost, to: service.address)
            #expect(held.counts.count == 4)
            #expect(held.counts.values.allSatisfy { abs($0 - 100) <= 1 }, "\(held.counts)")
        }

        @Test
        func `source-hash gives each client address one worker, and different addresses different ones`() throws {
            let service = try Service(["--strategy", "source-hash"])
            var workers: Set<String> = []
            for host in 1...40 {
                let first = try TestClient(service.address, from: "127.0.1.\(host)").get().field("id")
                let second = try TestClient(service.address, from: "127.0.1.\(host)").get().field("id")
                #expect(first == second)
                workers.insert(try #require(first))
            }
            #expect(workers.count == 4)
        }
    }
}
