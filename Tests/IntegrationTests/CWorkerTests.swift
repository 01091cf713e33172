// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// A worker on the C SDK: the same promises as with the Swift one.
    struct CWorkerTests {
        private static func worker(_ options: String...) throws -> [String] {
            [try ProgramPath.built("maitred-test-c-worker")] + options
        }

        @Test func `two thousand requests over two workers: none fails, and the spread is as the strategy says`() throws
        {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(
                    workers: 2,
                    ["--stall-timeout", "5s"],
                    worker: Self.worker(),
                    control: control.path
                )
                let run = LoadRun.run(requests: 2000, concurrency: 8, service.address)
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.answered == 2000 && run.counts.count == 2)
                #expect(run.spread <= 1, "\(run.counts)")
                let counts = try control.settledConnections()
                #expect(counts.accepted == 2000 && counts.taken == 2000 && counts.open == 0)
                let workers = try control.status().workers
                #expect(workers.reduce(0) { $0 + $1.requests } == 2000)
                try service.stop()
            }
        }

        @Test func `what is open is counted, and a client's end is seen`() throws {
            let service = try Service(workers: 2, ["--strategy", "least-connections"], worker: Self.worker())
            var held = HeldConnections()
            try held.open(40, to: service.address)
            #expect(held.counts.values.allSatisfy { $0 == 20 }, "\(held.counts)")
            held.drop(worker: "1")
            try held.open(20, to: service.address)
            #expect(held.counts["1"] ?? 0 >= 19, "\(held.counts)")
            try service.stop()
        }

        @Test func `connections queued for a killed worker are all answered`() throws {
            let service = try Service(workers: 2, worker: Self.worker())
            let pid = try service.pid(ofWorker: 1)
            kill(pid, SIGSTOP)
            let clients = try (0..<12).map { _ in try TestClient(service.address) }
            for client in clients { try client.request() }
            kill(pid, SIGKILL)
            for client in clients { #expect(try client.response().status == 200) }
            try service.stop()
        }

        @Test func `a reload under load fails no request`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(workers: 2, worker: Self.worker(), control: control.path)
                let address = service.address
                let isDone = Guarded(false)
                let load = Background {
                    LoadRun.run(concurrency: 4, address, countedBy: { _ in "" }, while: { isDone.withLock { !$0 } })
                }
                defer { isDone.withLock { $0 = true } }
                for _ in 0..<5 {
                    let program = try Program(
                        ProgramPath.built("maitred"),
                        ["reload", "--wait", "--control", control.path]
                    )
                    #expect(try program.waitExit(within: .seconds(30)) == .exited(code: 0), "\(program.lines)")
                }
                isDone.withLock { $0 = true }
                let run = load.join()
                #expect(run.failures.isEmpty && run.answered > 0, "\(run.failures.prefix(3))")
                try service.stop()
            }
        }

        @Test func `forked processes of a worker share its connections, and the places of a killed one come free`()
            throws
        {
            let service = try Service(
                workers: 1,
                ["--max-connections", "6"],
                worker: Self.worker("--processes", "3")
            )
            var pids: Set<String> = []
            var held: [TestClient] = []
            for _ in 0..<6 {
                let client = try TestClient(service.address)
                pids.insert(try client.get("/hold", keepAlive: true).field("pid") ?? "")
                held.append(client)
            }
            let leader = try service.pid(ofWorker: 1)
            for pid in pids.compactMap({ Int32($0) }) where pid != leader { kill(pid, SIGKILL) }
            held.removeAll()
            // All places are free again: those of the killed, and those that were closed.
            for _ in 0..<6 {
                let client = try TestClient(service.address)
                #expect(try client.get("/hold", keepAlive: true).status == 200)
                held.append(client)
            }
            try service.stop()
        }

        @Test func `each connection has its listener and its client's address`() throws {
            let service = try Service(listen: ["127.0.0.1:0", "[::1]:0"], workers: 1, worker: Self.worker())
            for (index, address) in service.addresses.enumerated() {
                let client = try TestClient(address)
                let response = try client.get()
                #expect(response.field("listener") == "\(index)")
                #expect(response.field("peer") == (try client.localAddress()))
            }
            try service.stop()
        }

        /// A quarter of so few is left to the program itself.
        @Test func `near its limit on descriptors connections wait, and are served as places come free`() throws {
            let service = try Service(workers: 1, worker: Self.worker("--nofile", "32"))
            let pid = try service.pid(ofWorker: 1)
            var clients: [TestClient] = []
            for _ in 0..<30 {
                let client = try TestClient(service.address)
                try client.request("/hold")
                clients.append(client)
            }
            #expect(eventually { openDescriptorCount(of: pid) == 24 })
            // Those that were served first go; the others get their places, and an answer.
            for client in clients.prefix(15) {
                #expect(try client.response().status == 200)
                client.close()
            }
            for client in clients.dropFirst(15) { #expect(try client.response().status == 200) }
            clients.removeAll()
            try service.stop()
        }
    }
}
