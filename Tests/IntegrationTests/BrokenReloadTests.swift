// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Reloads that cannot work: the old workers serve on, and it is said why.
    struct BrokenReloadTests {
        /// A command that is no server, how the reload ends, and what is said of it.
        struct Case: Sendable, CustomTestStringConvertible {
            let command: String
            let result: String
            let reason: String
            var testDescription: String { command }
        }

        private static let cases = [
            Case(command: "/bin/sh -c 'exit 1'", result: "failed", reason: "exited: exit code 1"),
            Case(command: "/bin/sleep 100", result: "failed", reason: "was not ready in time"),
            Case(command: "/nonexistent/server", result: "refused", reason: "'/nonexistent/server': no such file"),
            Case(command: "'unfinished", result: "refused", reason: "MAITRED_COMMAND"),
        ]

        @Test(arguments: cases)
        func `a broken command is not rolled out, and the right one is afterwards`(broken: Case) throws {
            try withConfiguredService { service, control, write in
                let load = Load(service.address)
                defer { load.end() }
                try write(broken.command)
                let command = try control.run("reload", "--wait")
                #expect(command.status == .exited(code: 1))
                #expect(command.errors.count == 1 && command.errors.first?.hasPrefix("maitred: ") == true)
                #expect(command.errors.first?.contains(broken.reason) == true, "\(command.errors)")

                try expectOld(service, control, broken)
                let text = try control.run("status").output
                let line = text.first { $0.contains("last reload") } ?? ""
                #expect(line.contains("\(broken.result) ") && line.contains(broken.reason), "\(text)")
                let log = broken.result == "failed" ? "reload failed: " : "nothing is reloaded: "
                #expect(try service.master.waitForLine(containing: log).contains(broken.reason))

                // A worker that dies gets a successor of the old kind.
                let victim = try #require(try control.status().workers.first)
                kill(Int32(victim.pid), SIGKILL)
                try control.waitForStatus { report in
                    report.workers.count { $0.state == "ready" && $0.generation == 1 && $0.id != victim.id } == 2
                }

                try write(ProgramPath.built("maitred-test-worker"))
                #expect(try control.run("reload", "--wait").status == .exited(code: 0))
                let report = try control.status()
                #expect(report.lastReload?.result == "done" && report.lastReload?.reason == nil)
                #expect(report.workers.allSatisfy { $0.generation == report.generation && $0.state == "ready" })
                let failures = load.end()
                // The one that was killed may have had a request.
                #expect(failures.count <= Load.clients, "\(failures)")
                try service.stop()
            }
        }

        @Test func `SIGHUP with a broken command is said in the log, and changes nothing`() throws {
            try withConfiguredService { service, control, write in
                let load = Load(service.address)
                defer { load.end() }
                for broken in Self.cases.prefix(1) + Self.cases.suffix(2) {
                    try write(broken.command)
                    service.master.signal(SIGHUP)
                    try control.waitForStatus { $0.lastReload?.reason?.contains(broken.reason) == true }
                    try expectOld(service, control, broken)
                }
                #expect(load.end().isEmpty)
                try service.stop()
            }
        }

        @Test func `one that breaks halfway leaves the rest of the old workers`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                // The second successor finds the mark of the first and ends.
                let script = #"""
                    if [ -e "$1" ]; then mkdir "$1/$MAITRED_WORKER_ID" || exit 9; [ -e "$1/5" ] && exit 1; fi; exec "$0"
                    """#
                let mark = "\(directory)/mark"
                let worker = try ["/bin/sh", "-c", script, ProgramPath.built("maitred-test-worker"), mark]
                let service = try Service(workers: 3, worker: worker, control: control.path)
                let load = Load(service.address)
                defer { load.end() }
                mkdir(mark, 0o755)
                let command = try control.run("reload", "--wait")
                #expect(command.status == .exited(code: 1))
                #expect(command.errors.first?.contains("worker 5 exited: exit code 1") == true, "\(command)")
                let report = try control.status()
                #expect(report.lastReload?.result == "failed" && report.state == "serving")
                #expect(report.workers.map(\.id) == [4, 2, 3], "\(report.workers.map(\.id))")
                #expect(report.workers.allSatisfy { $0.state == "ready" })
                #expect(load.end().isEmpty)
                try service.stop()
            }
        }

        // MARK: - Help

        /// Two workers, their command in a file that `write` changes.
        private func withConfiguredService(
            _ body: (Service, ServiceControl, _ write: (String) throws -> Void) throws -> Void
        ) throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let file = "\(directory)/web.conf"
                let write = { (command: String) in try writeFile(file, "MAITRED_COMMAND=\(command)\n") }
                try write(ProgramPath.built("maitred-test-worker"))
                let options = ["--config", file, "--start-timeout", "1s"]
                try body(try Service(workers: 2, options, worker: [], control: control.path), control, write)
            }
        }

        /// The two first workers serve, and the report says what became of the reload.
        private func expectOld(_ service: Service, _ control: ServiceControl, _ broken: Case) throws {
            let report = try control.waitForStatus { $0.workers.count == 2 && $0.state == "serving" }
            #expect(report.workers.map(\.id) == [1, 2] && report.workers.allSatisfy { $0.state == "ready" })
            #expect(report.generation == 1 && report.workers.allSatisfy { $0.generation == 1 })
            #expect(report.lastReload?.result == broken.result)
            #expect(
                report.lastReload?.reason?.contains(broken.reason) == true,
                "\(String(describing: report.lastReload))"
            )
            let run = LoadRun.run(requests: 100, concurrency: 2, service.address)
            #expect(run.failures.isEmpty && run.counts.keys.sorted() == ["1", "2"], "\(run)")
        }
    }
}

/// Two clients that ask until they are told to end.
private final class Load: Sendable {
    static let clients = 2

    private let isDone: Guarded<Bool>
    private let run: Background<LoadRun.Result>

    init(_ address: TestAddress) {
        let isDone = Guarded(false)
        self.isDone = isDone
        run = Background {
            LoadRun.run(concurrency: Self.clients, address, countedBy: { _ in "" }, while: { !isDone.withLock { $0 } })
        }
    }

    /// Ends them: what failed.
    @discardableResult
    func end() -> [String] {
        isDone.withLock { $0 = true }
        return run.join().failures
    }
}
