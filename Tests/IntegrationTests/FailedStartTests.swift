// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Why a worker did not become ready: what `maitred serve` says of it.
    struct FailedStartTests {
        private static let limits = ["--start-timeout", "500ms", "--max-restarts", "2", "--restart-delay", "10ms"]

        /// Serves a command until it is given up, and checks that its reason is said in log and events.
        private func expectFailure(
            _ command: [String],
            cause: String,
            reason: String,
            event: String = "worker-start-timed-out",
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            // One more try than it takes to see the events of the first.
            try withControlled(
                workers: 1,
                ["--start-timeout", "500ms", "--restart-delay", "30s"],
                worker: command,
                ready: 0
            ) { service in
                let failed = try service.events.wait(for: event)
                #expect(failed.text("cause") == cause, "\(failed.json)", sourceLocation: sourceLocation)
                #expect(failed.message.contains("; \(reason)"), "\(failed.json)", sourceLocation: sourceLocation)
                try service.service.master.waitForLine(containing: "; \(reason)")
                try service.stop(sourceLocation: sourceLocation)
            }
        }

        @Test func `a static program is warned of once, at the start, and named at each failure`() throws {
            try withOddPrograms { programs in
                let path = try programs.fixed()
                let service = try Service(workers: 2, Self.limits, worker: [path, "0"], ready: 0)
                #expect(try service.master.waitExit() == .exited(code: 1))
                let lines = service.master.errorLines
                let warning =
                    "warning: worker program \(path) is statically linked: it is no worker unless it uses an SDK"
                #expect(lines.count { $0.contains(warning) } == 1, "\(lines)")
                let failure =
                    "was not ready within 500 ms: killed; it is statically linked: only an SDK makes it a worker"
                #expect(lines.count { $0.contains(failure) } == 4, "\(lines)")
                let end = "no worker of \(path) ever became ready: it is statically linked"
                #expect(lines.contains { $0.contains(end) }, "\(lines)")
            }
        }

        @Test func `the warning comes again only when a reload brings another program`() throws {
            try withOddPrograms { programs in
                let file = "\(programs.directory)/web.conf"
                let worker = try ProgramPath.built("maitred-test-worker")
                let fixed = try programs.fixed()
                try writeFile(file, "MAITRED_COMMAND=\(worker)\nMAITRED_START_TIMEOUT=500ms\n")
                let control = ServiceControl(in: programs.directory)
                let service = try Service(workers: 1, ["--config", file], worker: [], control: control.path)
                try writeFile(file, "MAITRED_COMMAND=\(fixed) 0\nMAITRED_START_TIMEOUT=500ms\n")
                let warning = "\(fixed) is statically linked: it is no worker unless it uses an SDK"
                for count in 1...2 {
                    let reload = try control.run("reload", "--wait")
                    #expect(reload.status == .exited(code: 1))
                    let words = "was not ready in time: it is statically linked"
                    #expect(reload.errors.first?.contains(words) == true, "\(reload)")
                    #expect(service.master.errorLines.count { $0.contains(warning) } == count)
                }
                #expect(try TestClient.get(from: service.address).status == 200)
                try service.stop()
            }
        }

        @Test func `who counts on an SDK alone is not warned`() throws {
            try withOddPrograms { programs in
                let service = try Service(
                    workers: 1,
                    Self.limits + ["--no-preload"],
                    worker: [programs.fixed(), "0"],
                    ready: 0
                )
                #expect(try service.master.waitExit() == .exited(code: 1))
                let lines = service.master.errorLines
                #expect(!lines.contains { $0.contains("statically linked") }, "\(lines)")
                #expect(lines.contains { $0.contains("; no SDK said that it is ready, and --no-preload keeps") })
            }
        }

        @Test func `a static program that ends has the likely reason beside its exit code`() throws {
            try withOddPrograms { programs in
                try expectFailure(
                    [programs.fixed()],
                    cause: "static",
                    reason: "it is statically linked",
                    event: "worker-exited"
                )
            }
        }

        @Test func `a setuid program is named`() throws {
            guard geteuid() == 0 else { return }
            try withOddPrograms { programs in
                try expectFailure(
                    [programs.setUser(), "0"],
                    cause: "privileged",
                    reason: "it gets privileges by its file"
                )
            }
        }

        @Test func `a server on another port is named with it`() throws {
            try withOddPrograms { programs in
                let path = try programs.dynamic()
                try expectFailure([path, "0"], cause: "listens-elsewhere", reason: "it listens on 127.0.0.1:")
                let command = ["/bin/sh", "-c", "\(path) 0; true"]
                try expectFailure(command, cause: "listens-elsewhere", reason: "it listens on 127.0.0.1:")
            }
        }

        @Test func `an environment that was cleared is named`() throws {
            try withOddPrograms { programs in
                let command = ["/bin/sh", "-c", "env -i \(try programs.dynamic()) 0; true"]
                try expectFailure(command, cause: "environment-cleared", reason: "its environment was cleared")
            }
        }

        @Test func `who does nothing, and who only listens, are told apart`() throws {
            try withOddPrograms { programs in
                try expectFailure(["/bin/sleep", "600"], cause: "never-listened", reason: "it did not listen on")
                try expectFailure(programs.deaf(), cause: "takes-nothing", reason: "it listens and takes no connection")
            }
        }

        @Test func `a worker that was killed before the stop does not make it a stop by force`() throws {
            // Many at once: some are killed, and not yet buried, when the stop begins.
            let limits = ["--start-timeout", "300ms", "--restart-delay", "30s"]
            for _ in 1...3 {
                let service = try Service(workers: 8, limits, worker: ["/bin/sleep", "600"], ready: 0)
                try service.master.waitForLine(containing: "was not ready within 300 ms: killed")
                try service.stop()
            }
        }

        @Test func `an exit that says it all gets no reason`() throws {
            try withControlled(
                workers: 1,
                ["--restart-delay", "30s"],
                worker: ["/bin/sh", "-c", "exit 3"],
                ready: 0
            ) { service in
                let exited = try service.events.wait(for: "worker-exited")
                #expect(exited.message == "worker 1 exited: exit code 3" && exited.text("cause") == nil)
                try service.stop()
            }
        }

        // MARK: - The background

        @Test func `who goes into the background has failed, and is ended there`() throws {
            try withOddPrograms { programs in
                let service = try Service(workers: 1, Self.limits, worker: programs.daemon(), ready: 0)
                #expect(try service.master.waitExit() == .exited(code: 1))
                #expect(service.master.descendants.isEmpty)
                let lines = service.master.errorLines
                let failure = "exited: exit code 0; daemonised: run it in the foreground"
                #expect(lines.count { $0.contains(failure) } == 2, "\(lines)")
                #expect(lines.count { $0.contains("left processes behind: stopping them") } == 2, "\(lines)")
                #expect(lines.contains { $0.contains("ever became ready: daemonised: run it in the foreground") })
            }
        }

        @Test func `one in the background ends while the others serve, and theirs are left alone`() throws {
            try withOddPrograms { programs in
                let daemon = try programs.daemon().joined(separator: " ")
                let script = "[ $MAITRED_WORKER_SLOT != 1 ] || exec \(daemon); exec \"$0\""
                let worker = try ["/bin/sh", "-c", script, ProgramPath.built("maitred-test-worker")]
                let service = try Service(workers: 3, Self.limits, worker: worker, ready: 2)
                try service.master.waitForLine(containing: "slot 1 is given up after 2 failed starts in a row")
                #expect(eventually { service.master.descendants.count == 2 })
                let run = LoadRun.run(requests: 200, concurrency: 4, service.address)
                #expect(run.failures.isEmpty && run.counts.count == 2, "\(run)")
                try service.stop()
            }
        }
    }
}
