// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// The operating system chooses: workers accept by themselves.
    struct KernelStrategyTests {
        private static let strategies = ["kernel", "reuseport"]
        private static let workers = ["maitred-test-worker", "maitred-demo"]

        @Test(arguments: strategies, workers)
        func `two thousand requests: none fails, several workers answer, and what they took is told`(
            strategy: String,
            worker: String
        ) throws {
            try withControlled(["--strategy", strategy], worker: [ProgramPath.built(worker)]) { controlled in
                let run = LoadRun.run(requests: 2000, concurrency: 16, controlled.address, countedBy: id(worker))
                print("\(strategy), \(worker): \(run.counts) in \(run.time)")
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.answered == 2000 && run.counts.count > 1, "\(run.counts)")
                // The demo counts a connection as closed a moment after its client knows.
                #expect(try eventually { try controlled.status()["connections"]?["open"]?.whole == 0 })
                let status = try controlled.status()
                #expect(status["strategy"]?.text == strategy)
                #expect(status["connections"]?["accepted"]?.whole == 2000)
                #expect(status["connections"]?["taken"]?.whole == 2000)
                #expect(status["connections"]?["handed"]?.whole == 0)
                #expect(status["connections"]?["queued"]?.whole == 0)
                for (id, count) in run.counts {
                    let worker = try #require(try Int(id).flatMap { try controlled.worker($0) })
                    #expect(worker["taken"]?.whole == count && worker["open"]?.whole == 0)
                }
                try controlled.stop()
            }
        }

        @Test(arguments: strategies) func `what a worker holds is open`(strategy: String) throws {
            try withControlled(["--strategy", strategy]) { controlled in
                var held = HeldConnections()
                try held.open(40, to: controlled.address)
                let status = try controlled.status()
                #expect(status["connections"]?["open"]?.whole == 40)
                for (id, count) in held.counts {
                    #expect(try controlled.worker(Int(id) ?? 0)?["open"]?.whole == count)
                }
                held = HeldConnections()
                #expect(try eventually { try controlled.status()["connections"]?["open"]?.whole == 0 })
                try controlled.stop()
            }
        }

        @Test(arguments: strategies) func `a killed worker comes back and answers`(strategy: String) throws {
            let service = try Service(["--strategy", strategy, "--min-uptime", "0s"])
            for victim in 1...4 {
                kill(try service.pid(ofWorker: victim), SIGKILL)
                try service.master.waitForLine(containing: "worker \(victim) exited")
                // Nobody is sent to the dead one, whether or not its successor is there.
                let run = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(run.failures.isEmpty && run.counts["\(victim)"] == nil, "\(run)")
                try service.waitForReady(4 + victim)
            }
            let run = LoadRun.run(requests: 1000, concurrency: 16, service.address)
            #expect(run.failures.isEmpty && run.answered == 1000, "\(run.failures.prefix(3))")
            #expect(run.counts.keys.allSatisfy { Int($0) ?? 0 > 4 } && run.counts.count > 1, "\(run.counts)")
            try service.stop()
        }

        @Test func `several listeners of every kind are shared`() throws {
            try withTemporaryDirectory { directory in
                let listen = ["127.0.0.1:0", "[::1]:0", "unix:\(directory)/web.sock"]
                let service = try Service(listen: listen, workers: 2, ["--strategy", "kernel"])
                for _ in 0..<20 {
                    for (index, address) in service.addresses.enumerated() {
                        #expect(try TestClient.get(from: address).field("listener") == "\(index)")
                    }
                }
                let client = try TestClient(service.addresses[0])
                let local = try client.localAddress()
                #expect(try client.get().field("peer") == local)
                try service.stop()
                #expect(access("\(directory)/web.sock", F_OK) != 0, "its file is removed")
            }
        }

        // MARK: - Drain, reload, stop

        @Test(arguments: workers) func `reloads under load fail nothing where the listener is shared`(
            worker: String
        )
            throws
        {
            try withControlled(["--strategy", "kernel"], worker: [ProgramPath.built(worker)]) { controlled in
                let (address, id, isDone) = (controlled.address, id(worker), Guarded(false))
                let load = Background {
                    LoadRun.run(concurrency: 8, address, countedBy: id, while: { !isDone.withLock { $0 } })
                }
                defer { load.join() }
                defer { isDone.withLock { $0 = true } }
                for _ in 0..<5 {
                    let answer = try controlled.run("reload", "--wait")
                    #expect(answer.code == 0 && answer.output.last == "reloaded", "\(answer)")
                }
                isDone.withLock { $0 = true }
                let run = load.join()
                #expect(run.failures.isEmpty, "\(run.failures.count): \(run.failures.prefix(3))")
                #expect(run.answered > 100)
                try controlled.stop()
            }
        }

        @Test func `a reload under reuseport keeps the service up`() throws {
            try withControlled(["--strategy", "reuseport"]) { controlled in
                let before = LoadRun.run(requests: 200, concurrency: 4, controlled.address)
                #expect(before.failures.isEmpty)
                #expect(try controlled.run("reload", "--wait").output.last == "reloaded")
                let run = LoadRun.run(requests: 400, concurrency: 8, controlled.address)
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.counts.keys.allSatisfy { Int($0) ?? 0 > 4 } && run.counts.count > 1, "\(run.counts)")
                try controlled.stop()
            }
        }

        @Test(arguments: strategies) func `a drained worker finishes, and nobody new comes to it`(
            strategy: String
        )
            throws
        {
            try withControlled(workers: 2, ["--strategy", strategy, "--drain-timeout", "30s"]) { controlled in
                var held = HeldConnections()
                try held.open(20, to: controlled.address)
                let drained = try #require(held.counts.keys.first.flatMap { Int($0) })
                #expect(try controlled.run("drain", "\(drained)").code == 0)
                try controlled.events.wait(for: "worker-draining", worker: drained)
                #expect(try eventually { try controlled.worker(drained)?["state"]?.text == "draining" })
                let taken = try controlled.worker(drained)?["taken"]?.whole
                let run = LoadRun.run(requests: 200, concurrency: 4, controlled.address)
                #expect(run.failures.isEmpty && run.counts["\(drained)"] == nil, "\(run)")
                #expect(try controlled.worker(drained)?["taken"]?.whole == taken)
                held = HeldConnections()
                try controlled.events.wait(for: "worker-exited", worker: drained)
                try controlled.stop()
            }
        }

        @Test func `at a stop whoever waits at a shared listener is still served`() throws {
            let service = try Service(workers: 1, ["--strategy", "kernel"])
            let worker = try service.pid(ofWorker: 1)
            try standStill(worker)
            let clients = try (0..<20).map { _ in try TestClient(service.address) }
            for client in clients { try client.request() }
            service.master.signal(SIGTERM)
            try service.master.waitForLine(containing: "SIGTERM: stopping")
            kill(worker, SIGCONT)
            for client in clients { #expect(try client.response().status == 200) }
            #expect(try service.master.waitExit() == .exited(code: 0))
        }

        @Test(arguments: strategies) func `when the master is killed the workers end`(strategy: String) throws {
            let service = try Service(["--strategy", strategy])
            #expect(try TestClient.get(from: service.address).status == 200)
            service.master.signal(SIGKILL)
            #expect(eventually { service.master.descendants.isEmpty })
        }

        // MARK: - What cannot be

        @Test(arguments: [
            ("kernel", "random", "without channels"), ("reuseport", "least-connections", "without channels"),
            ("round-robin", "kernel", "with channels, not listeners"), ("kernel", "reuseport", "without channels"),
        ])
        func `who accepts does not change at run time`(strategy: String, wanted: String, started: String) throws {
            try withControlled(workers: 2, ["--strategy", strategy]) { controlled in
                let answer = try controlled.run("strategy", wanted)
                #expect(answer.code == 1)
                let why = "needs a restart of maitred: the workers were started \(started)"
                #expect(answer.errors == ["maitred: strategy \(wanted) \(why)"])
                #expect(try controlled.run("strategy", strategy).code == 0, "the same is no change")
                #expect(try controlled.status()["strategy"]?.text == strategy)
                #expect(try TestClient.get(from: controlled.address).status == 200)
                try controlled.stop()
            }
        }

        @Test func `a reload lists a strategy that needs a restart, and does the rest`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let file = "\(directory)/web.conf"
                let command = try ProgramPath.built("maitred-test-worker")
                try writeFile(file, "MAITRED_COMMAND=\(command)\nMAITRED_WORKERS=2\nMAITRED_STRATEGY=kernel\n")
                let service = try Service(
                    workers: nil,
                    ["--config", file],
                    worker: [],
                    control: control.path,
                    ready: 2
                )
                try writeFile(file, "MAITRED_COMMAND=\(command)\nMAITRED_WORKERS=3\nMAITRED_STRATEGY=random\n")
                let reload = try control.run("reload", "--wait")
                #expect(reload.output.last == "reloaded; takes effect when maitred is restarted: strategy", "\(reload)")
                let report = try control.waitForStatus { $0.workers.count == 3 }
                #expect(report.strategy == "kernel" && report.lastReload?.deferred == ["strategy"])
                #expect(LoadRun.run(requests: 100, concurrency: 4, service.address).failures.isEmpty)
                try service.stop()
            }
        }

        @Test(arguments: strategies) func `a worker that accepts itself cannot be held`(strategy: String) throws {
            try withControlled(workers: 2, ["--strategy", strategy]) { controlled in
                let answer = try controlled.run("hold", "1")
                #expect(answer.code == 1)
                let why = "cannot be held: with strategy \(strategy) workers accept by themselves"
                #expect(answer.errors == ["maitred: worker 1 \(why)"])
                try controlled.stop()
            }
        }

        @Test(arguments: [
            (["--strategy", "reuseport", "--listen", "unix:/run/none/web.sock"], "needs TCP addresses"),
            (["--strategy", "kernel", "--listen", ":0", "--max-connections", "1"], "cannot keep to max-connections"),
        ])
        func `what cannot be had is one line and exit status 64`(options: [String], problem: String) throws {
            let program = try Program(
                ProgramPath.built("maitred"),
                ["serve", "--control", "none"] + options + ["--", "/bin/true"]
            )
            #expect(try program.waitExit() == .exited(code: 64))
            #expect(program.errorLines.count == 1 && program.errorLines[0].contains(problem), "\(program.errorLines)")
        }

        @Test func `an address in use is found under reuseport too`() throws {
            let service = try Service(workers: 1, ["--strategy", "reuseport"])
            let second = try Program(
                ProgramPath.built("maitred"),
                ["serve", "--control", "none", "--strategy", "reuseport", "--listen", "\(service.address)"]
                    + ["--", ProgramPath.built("maitred-test-worker")]
            )
            #expect(try second.waitExit() == .exited(code: 1))
            #expect(second.errorLines.contains { $0.contains("in use") }, "\(second.errorLines)")
            try service.stop()
        }

        @Test(arguments: [("kernel", true), ("reuseport", false)])
        func `a socket of systemd's can be shared, and not be each worker's own`(strategy: String, works: Bool) throws {
            // systemd's tool takes no port 0.
            let free = try ListeningSocket.open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions()).address
            let program = try Program(
                "/usr/bin/systemd-socket-activate",
                ["--listen", free.description, "--setenv", "TEST_RUN", ProgramPath.built("maitred"), "serve"]
                    + ["--control", "none", "--workers", "2", "--strategy", strategy]
                    + ["--", ProgramPath.built("maitred-test-worker")]
            )
            try program.waitForLine(containing: "Listening on ")
            let client = try TestClient(#require(TestAddress(free.description)))
            if works {
                #expect(try client.get().status == 200)
                program.signal(SIGTERM)
                #expect(try program.waitExit() == .exited(code: 0))
            } else {
                let line = try program.waitForLine(containing: "maitred: ")
                #expect(line.contains("systemd passed one for all: give strategy kernel"), "\(line)")
                #expect(try program.waitExit() == .exited(code: 1))
            }
        }

        // MARK: - Help

        private func id(_ worker: String) -> @Sendable (TestResponse) -> String {
            { response in
                let number = response.jsonNumber("id").map { "\($0)" }
                return worker == "maitred-demo" ? number ?? response.body : response.field("id") ?? response.body
            }
        }
    }
}
