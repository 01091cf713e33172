// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    /// Workers that stand still while others could serve.
    struct BlockedWorkerTests {
        @Test func `with two of four workers blocked for six seconds nobody else waits`() throws {
            let service = try Service(workers: 4, worker: [ProgramPath.built("maitred-demo")])
            // In turn: one for each of two workers.
            let blockers = try (0..<2).map { _ in try TestClient(service.address, within: .seconds(20)) }
            for blocker in blockers { try blocker.request("/block?ms=6000") }
            let workers = try (1...4).map { try service.pid(ofWorker: $0) }
            try #require(eventually { workers.count { isAThreadSleeping(of: $0) } == 2 })

            let begun = ContinuousClock.now
            let run = LoadRun.run(requests: 200, concurrency: 8, service.address) { "\($0.jsonNumber("id") ?? 0)" }
            print("2 of 4 blocked: \(run.answered) answered in \(run.time), slowest \(run.slowest)")
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.answered == 200)
            #expect(run.slowest < .milliseconds(500), "\(run.slowest)")
            #expect(ContinuousClock.now - begun < .seconds(5), "the blocked ones could have helped")
            #expect(run.counts.count == 2, "\(run.counts)")

            // The blocked ones answer as well, and serve again.
            let blocked = try blockers.map { try $0.response().jsonNumber("id") }
            #expect(Set(blocked).count == 2)
            for worker in blocked {
                let id = try #require(worker)
                #expect(run.counts["\(id)"] == nil)
                try service.master.waitForLine(containing: "worker \(id) takes again")
            }
            let after = LoadRun.run(requests: 80, concurrency: 2, service.address) { "\($0.jsonNumber("id") ?? 0)" }
            #expect(after.failures.isEmpty && after.counts.count == 4, "\(after)")
            try service.stop()
        }
    }
}
