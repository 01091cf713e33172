// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Servers that know nothing of maitred, as they are, as its workers.
    struct ConformanceTests {
        @Test(arguments: TestServer.all)
        func `every server is here, or is left out for a reason`(server: TestServer) throws {
            guard server.missing == nil else {
                print("conformance: \(server.testDescription): not run: \(server.missing ?? "")")
                return
            }
            let program = try Program(server.version[0], Array(server.version.dropFirst()))
            #expect(try program.waitExit(within: .seconds(30)) == .exited(code: 0), "\(program.lines)")
            let version = try #require(program.lines.first { $0.contains(where: \.isNumber) })
            let left = TestServer.Check.allCases.compactMap { check in
                server.exceptions[check].map { "; no \(check): \($0)" }
            }
            print("conformance: \(server.testDescription): \(version)\(left.joined())")
        }

        @Test(arguments: TestServer.all(for: .load))
        func `two thousand requests go to each worker in turn, and every close is seen`(server: TestServer) throws {
            try withService(server, server.options + ["--stall-timeout", "5s"]) { service, control in
                let address = service.address
                let run = LoadRun.run(requests: 2000, concurrency: 8) { () throws(TestFailure) in
                    try server.exchange.ask(.quick, address)
                }
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.answered == 2000)
                #expect(run.counts.count == 2 && run.spread <= 1, "\(run.counts)")
                let counts = try control.settledConnections()
                #expect(counts.accepted == 2000 && counts.taken == 2000 && counts.lost == 0, "\(counts)")
                try control.waitForStatus(within: .seconds(5)) { $0.connections.open == 0 }
            }
        }

        @Test(arguments: TestServer.all(for: .kill))
        func `connections that wait for a killed worker are answered by another`(server: TestServer) throws {
            try withService(server, server.queueOptions + ["--stall-timeout", "5s"]) { service, control in
                let address = service.address
                let pid = try service.pid(ofWorker: 1)
                try standStill(group: pid)
                let load = Background {
                    LoadRun.run(requests: 12, concurrency: 12) { () throws(TestFailure) in
                        try server.exchange.ask(.quick, address)
                    }
                }
                try control.waitForStatus { report in
                    report.workers.first { $0.id == 1 }.map { $0.queued == (server.isSerial ? 1 : 6) } ?? false
                }
                kill(-pid, SIGKILL)
                let run = load.join()
                #expect(run.failures.isEmpty, "\(run.failures)")
                #expect(run.answered == 12 && run.counts["1"] == nil, "\(run.counts)")
            }
        }

        @Test(arguments: TestServer.all(for: .drain))
        func `a reload under load loses no request and cuts no response`(server: TestServer) throws {
            try withService(server, server.queueOptions) { service, control in
                let address = service.address
                let isDone = Guarded(false)
                defer { isDone.withLock { $0 = true } }
                let loads = [Exchange.Request.quick, .slow].map { request in
                    Background {
                        LoadRun.run(concurrency: 2, countedBy: { _ in "" }, while: { isDone.withLock { !$0 } }) {
                            () throws(TestFailure) in try server.exchange.ask(request, address)
                        }
                    }
                }
                let reload = try control.run("reload", "--wait")
                isDone.withLock { $0 = true }
                for run in loads.map({ $0.join() }) {
                    #expect(run.failures.isEmpty && run.answered > 0, "\(run.failures.prefix(3))")
                }
                #expect(reload.status == .exited(code: 0), "\(reload.output) \(reload.errors)")
            }
        }

        @Test(arguments: TestServer.all(for: .drain))
        func `a response that is under way at a drain arrives whole`(server: TestServer) throws {
            try withService(server, server.queueOptions) { service, control in
                // On a machine that is slow enough the responses are over before the drain begins: once more then.
                for turn in 0..<5 {
                    let workers = try control.waitForStatus { report in
                        report.workers.count == 2 && report.workers.allSatisfy { $0.state == "ready" }
                    }
                    guard let id = workers.workers.map(\.id).min() else { return }
                    let address = service.address
                    let load = Background {
                        LoadRun.run(requests: 2, concurrency: 2) { () throws(TestFailure) in
                            try server.exchange.ask(.slow, address)
                        }
                    }
                    try control.waitForStatus { $0.connections.taken == workers.connections.taken + 2 }
                    var drain = ControlRequest(.drain)
                    drain.worker = id
                    #expect(try control.ask(drain).ok)
                    let run = load.join()
                    #expect(run.failures.isEmpty, "\(run.failures)")
                    #expect(run.answered == 2 && run.counts["\(id)"] == 1, "\(run.counts)")
                    // Whoever asks for no signal gets none, not even one that only ends a sleep.
                    if server.options.isEmpty { #expect(run.fastest ?? .zero >= .milliseconds(280)) }
                    let line = try service.master.waitForLine(containing: "worker \(id) is draining")
                    if line.contains("open=1") { return }
                    #expect(turn < 4, "no response was under way: \(line)")
                }
            }
        }

        @Test(arguments: TestServer.all(for: .readiness))
        func `a program that loads its application gets nothing until it has`(server: TestServer) throws {
            try withTemporaryDirectory { load in
                try withService(server, server.options, ["LOAD_DIRECTORY": load], ready: 0) { service, control in
                    let address = service.address
                    #expect(eventually(within: .seconds(30)) { directoryEntries(load).count == 2 })
                    let client = Background {
                        LoadRun.run(requests: 1, concurrency: 1) { () throws(TestFailure) in
                            try server.exchange.ask(.quick, address)
                        }
                    }
                    var report = StatusReport()
                    let isGiven = try eventually(within: .milliseconds(300)) {
                        report = try control.status()
                        return report.connections.handed > 0 || report.workers.contains { $0.state != "starting" }
                    }
                    #expect(!isGiven, "\(report)")
                    try writeFile("\(load)/go", "")
                    let run = client.join()
                    #expect(run.answered == 1, "\(run.failures)")
                    try service.waitForReady(2)
                }
            }
        }

        @Test(arguments: TestServer.all(for: .readiness))
        func `a program that fails to load its application never becomes ready, and that is said`(
            server: TestServer
        ) throws {
            try withTemporaryDirectory { directory in
                let service = try Service(
                    workers: 1,
                    // Some of them try again and again by themselves.
                    server.options + ["--max-restarts", "1", "--start-timeout", "4s"],
                    worker: try server.command(directory),
                    ready: 0,
                    environment: TestServer.environment.merging(["LOAD_FAILS": "1"]) { $1 }
                )
                let status = try service.master.waitExit(within: .seconds(60))
                #expect(status == .exited(code: 1))
                #expect(service.master.errorLines.contains { $0.contains("given up after 1 failed starts") })
                #expect(!service.master.errorLines.contains { $0.contains("worker 1 ready") })
            }
        }
    }
}

/// A master with two workers of a server; stopped in the ordinary way after the body.
private func withService(
    _ server: TestServer,
    _ options: [String],
    _ environment: [String: String] = [:],
    ready: Int = 2,
    _ body: (Service, ServiceControl) throws -> Void
) throws {
    try withTemporaryDirectory { directory in
        let control = ServiceControl(in: directory)
        let service = try Service(
            workers: 2,
            options,
            worker: try server.command(directory),
            control: control.path,
            ready: ready,
            environment: TestServer.environment.merging(environment) { $1 }
        )
        try body(service, control)
        // Programs lose a stop signal that comes while they are loading.
        if ready > 0 {
            let count = { try? control.status().workers.filter { $0.state == "ready" }.count }
            #expect(eventually(within: .seconds(30)) { count() == 2 })
        }
        try service.stop()
    }
}

/// Sends SIGSTOP to a worker's processes and waits until none of their threads runs: one may take something until then.
private func standStill(group: Int32) throws {
    kill(-group, SIGSTOP)
    for pid in directoryEntries("/proc").compactMap({ Int32($0) }) where getpgid(pid) == group {
        try standStill(pid)
    }
}
