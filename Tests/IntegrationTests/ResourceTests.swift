// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    struct ResourceTests {
        /// Budget of docs/DESIGN.md for the release build, which is what the tests are given by `make test`.
        private static let residentBudget: UInt64 = 16 << 20

        @Test
        func `ten thousand idle connections do not grow the master, and a close is seen at once`() throws {
            let service = try Service(["--strategy", "least-connections"])
            let worker = try service.pid(ofWorker: 1)
            let idleDescriptors = try #require(openDescriptorCount(of: worker))
            var clients: [TestClient] = []
            for index in 0..<10000 {
                // 127.0.0.2 … 127.0.0.5: more ports than one address has.
                clients.append(try TestClient(service.address, from: "127.0.0.\(2 + index % 4)"))
            }
            #expect(eventually { (openDescriptorCount(of: worker) ?? 0) >= idleDescriptors + 2400 })
            if ProgramPath.areReleaseBuilds {
                #expect(service.residentBytes <= Self.residentBudget, "\(service.residentBytes >> 10) KiB")
            }
            let full = service.residentBytes
            let run = LoadRun.run(requests: 2000, concurrency: 8, service.address)
            #expect(run.failures.isEmpty)
            #expect(service.residentBytes <= full + 256 << 10, "grew from \(full) to \(service.residentBytes)")

            // Nobody but the worker has a copy: the worker sees the end, and closes, as soon as the client does.
            clients.removeAll()
            #expect(
                eventually(within: .seconds(5)) { (openDescriptorCount(of: worker) ?? .max) <= idleDescriptors + 1 }
            )
            try service.stop()
        }

        @Test
        func `after two hundred thousand connections nobody has leaked a descriptor`() throws {
            let service = try Service(workers: 2)
            let pids = try [service.master.pid, service.pid(ofWorker: 1), service.pid(ofWorker: 2)]
            _ = LoadRun.run(requests: 500, concurrency: 8, service.address)
            let before = pids.map { openDescriptorCount(of: $0) ?? 0 }
            let resident = service.residentBytes
            let run = LoadRun.run(requests: 200_000, concurrency: 16, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect(eventually { pids.map { openDescriptorCount(of: $0) ?? 0 } == before })
            #expect(service.residentBytes <= resident + 256 << 10, "grew from \(resident) to \(service.residentBytes)")
            try service.stop()
        }
    }
}
