// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    struct SaturationTests {
        @Test
        func `at max-connections clients wait in the backlog, served as places come free, at no cost`() throws {
            let service = try Service(workers: 2, ["--max-connections", "3"])
            var held = HeldConnections()
            try held.open(6, to: service.address)
            #expect(held.counts.values.allSatisfy { $0 == 3 }, "\(held.counts)")

            let waiting = try (0..<10).map { _ in try TestClient(service.address, within: .seconds(20)) }
            for client in waiting { try client.request() }
            // Everybody is full: how much does waiting cost the master?
            let before = try #require(processorNanoseconds(of: service.master.pid))
            let begun = ContinuousClock.now
            let isQuiet = !eventually(within: .seconds(3)) { service.master.hasEnded }
            let share =
                Double(try #require(processorNanoseconds(of: service.master.pid)) - before)
                / ((ContinuousClock.now - begun) / .nanoseconds(1))
            #expect(isQuiet)
            #expect(share < 0.01, "the waiting master used \(share * 100) % of a processor")

            held.clients[0].close()
            for client in waiting { #expect(try client.response().status == 200) }
            try service.stop()
        }

        @Test
        func `one place at a time serves a synchronous program from one queue`() throws {
            let service = try Service(workers: 2, ["--max-connections", "1"])
            let run = LoadRun.run(requests: 2000, concurrency: 16, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(run.counts.count == 2)
            try service.stop()
        }

        @Test
        func `before any worker is ready clients wait`() throws {
            let worker = try ProgramPath.built("maitred-test-worker")
            let service = try Service(
                workers: 1,
                worker: [worker, "--mode", "slow-start", "--delay-ms", "700"],
                ready: 0
            )
            #expect(try TestClient.get(from: service.address).status == 200)
            try service.stop()
        }
    }
}
