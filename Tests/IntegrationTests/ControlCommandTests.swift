// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Each command to a running master: what it does, what it prints, and its exit status.
    struct ControlCommandTests {
        @Test func `wrong use is 64 and asks nobody`() throws {
            let nowhere = ["--control", "/nonexistent/control.sock"]
            for arguments in [
                ["restart"], ["restart", "x"], ["drain", "0"], ["hold", "-1"], ["release", "1", "2"], ["scale", "0"],
                ["scale", "513"], ["scale"], ["strategy", "fastest"], ["strategy"], ["events", "--since", "5"],
                ["events", "--count", "0"], ["status", "--xml"], ["reload", "now"], ["stop", "it"],
            ] {
                let program = try Program(ProgramPath.built("maitred"), arguments + nowhere)
                #expect(try program.waitExit() == .exited(code: 64), "\(arguments): \(program.lines)")
                #expect(program.outputLines.isEmpty && program.errorLines.count == 1, "\(program.lines)")
                #expect(program.errorLines.first?.hasPrefix("maitred: ") == true, "\(program.lines)")
            }
        }

        @Test func `where no master answers it is 69`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/control.sock"
                for arguments in [["status"], ["status", "--json"], ["events"], ["reload", "--wait"], ["stop"]] {
                    let program = try Program(ProgramPath.built("maitred"), arguments + ["--control", path])
                    #expect(try program.waitExit() == .exited(code: 69), "\(arguments)")
                    #expect(program.errorLines == ["maitred: no maitred answers at \(path): is it running?"])
                }
            }
        }

        @Test func `what cannot be done is 1, with the reason in one line`() throws {
            try withControlled(workers: 2) { service in
                for (arguments, reason) in [
                    (["restart", "9"], "there is no worker 9"), (["drain", "9"], "there is no worker 9"),
                    (["hold", "9"], "there is no worker 9"), (["release", "1"], "worker 1 is not held"),
                ] {
                    let program = try service.start(arguments)
                    #expect(try program.waitExit() == .exited(code: 1), "\(arguments)")
                    #expect(program.lines == ["maitred: \(reason)"], "\(arguments)")
                }
                #expect(try service.run("hold", "1").code == 0)
                #expect(try service.run("hold", "1").errors == ["maitred: worker 1 is held already"])
                try service.stop()
            }
        }

        @Test func `restart replaces one worker, its successor first`() throws {
            try withControlled(workers: 2) { service in
                let load = BackgroundLoad(service.address)
                let answer = try service.run("restart", "--wait", "1")
                #expect(answer.code == 0 && answer.output == ["worker 1 is replaced"], "\(answer)")
                #expect(try service.worker(1) == nil)
                #expect(try service.worker(3)?["slot"]?.whole == 0 && service.worker(3)?["state"]?.text == "ready")
                #expect(try service.worker(2)?["state"]?.text == "ready")
                let ready = try service.events.wait(for: "worker-ready", worker: 3)
                #expect(try ready.sequence < service.events.wait(for: "worker-draining", worker: 1).sequence)
                #expect(try load.stop().failures.isEmpty)
                try service.stop()
            }
        }

        @Test func `drain lets a worker finish, and another takes its slot`() throws {
            try withControlled(workers: 2) { service in
                let client = try TestClient(service.address)
                let id = try #require(try client.get("/hold", keepAlive: true).field("id"))
                let draining = try service.start(["drain", "--wait", id])
                try service.events.wait(for: "worker-draining", worker: Int(id))
                #expect(try service.worker(Int(id) ?? 0)?["state"]?.text == "draining")
                let run = LoadRun.run(requests: 40, concurrency: 2, service.address)
                #expect(run.failures.isEmpty && run.counts[id] == nil, "\(run)")
                #expect(!draining.hasEnded)
                #expect(try client.get("/keep", keepAlive: true).field("id") == id, "what it has it serves")
                client.close()
                #expect(try draining.waitExit() == .exited(code: 0))
                #expect(draining.lines == ["worker \(id) has stopped"])
                try service.events.wait(for: "worker-ready", worker: 3)
                try service.stop()
            }
        }

        @Test func `scale up and down under load loses nothing`() throws {
            try withControlled(workers: 2) { service in
                let load = BackgroundLoad(service.address)
                for count in [6, 1, 4, 2] {
                    let answer = try service.run("scale", "--wait", "\(count)")
                    #expect(answer.code == 0, "\(answer)")
                    let workers = try service.status()["workers"]?.elements ?? []
                    #expect(workers.compactMap { $0["slot"]?.whole } == Array(0..<count), "\(answer)")
                    #expect(workers.allSatisfy { $0["state"]?.text == "ready" })
                    let before = load.soFar.answered
                    #expect(eventually { load.soFar.answered > before + 20 || !load.soFar.failures.isEmpty })
                }
                let outcome = try load.stop()
                #expect(outcome.failures.isEmpty, "\(outcome.failures)")
                #expect(try service.events.all("scaled").map { $0.number("to") } == [6, 1, 4, 2])
                try service.stop()
            }
        }

        @Test func `a strategy can be changed while connections come`() throws {
            try withControlled(workers: 3) { service in
                let load = BackgroundLoad(service.address)
                for strategy in ["source-hash", "least-connections", "power-of-two", "least-memory", "random"] {
                    #expect(try service.run("strategy", strategy).output == ["strategy is \(strategy)"])
                    #expect(try service.status()["strategy"]?.text == strategy)
                }
                #expect(try load.stop().failures.isEmpty)
                try service.run("strategy", "source-hash")
                #expect(LoadRun.run(requests: 60, concurrency: 4, service.address).counts.count == 1)
                try service.run("strategy", "round-robin")
                #expect(LoadRun.run(requests: 60, concurrency: 4, service.address).counts.count == 3)
                try service.stop()
            }
        }

        @Test func `reload with wait says how far it is and how it ended`() throws {
            try withControlled(workers: 3) { service in
                let load = BackgroundLoad(service.address)
                let answer = try service.run("reload", "--wait")
                #expect(answer.code == 0 && answer.output.last == "reloaded", "\(answer)")
                #expect(answer.output.first == "replaced 1 of 3", "\(answer)")
                let status = try service.status()
                #expect(status["generation"]?.whole == 2)
                #expect(status["workers"]?.elements.map { $0["generation"]?.whole } == [2, 2, 2])
                #expect(status["lastReload"]?["result"]?.text == "done")
                let begun = try service.run("reload")
                #expect(begun.code == 0 && begun.output == ["reloading: generation 3"], "\(begun)")
                try service.events.wait(for: "reload-finished", count: 2)
                #expect(try load.stop().failures.isEmpty)
                try service.stop()
            }
        }

        @Test func `stop ends the service as SIGTERM does`() throws {
            try withControlled(workers: 2) { service in
                let client = try TestClient(service.address)
                #expect(try client.get("/hold", keepAlive: true).status == 200)
                let answer = try service.run("stop")
                #expect(answer.code == 0 && answer.output == ["stopping"], "\(answer)")
                #expect(try service.status()["state"]?.text == "stopping")
                let refused = try service.run("reload")
                #expect(refused.code == 1 && refused.errors == ["maitred: the master is stopping"], "\(refused)")
                client.close()
                #expect(try service.service.master.waitExit() == .exited(code: 0))
                // Who follows events hears the last one, and ends well.
                #expect(try service.events.program.waitExit() == .exited(code: 0))
                #expect(try service.events.all().last?.name == "stopped")
                #expect(try service.run("status").code == 69)
                #expect(access(service.path, F_OK) != 0)
            }
        }

        @Test func `Ctrl-C ends the waiting and not what was begun`() throws {
            let script = #"exec "$0" --mode slow-start --delay-ms 1500"#
            let worker = ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
            try withControlled(workers: 1, worker: worker) { service in
                let waiting = try service.start(["reload", "--wait"])
                try service.events.wait(for: "reload-started")
                waiting.signal(SIGINT)
                #expect(try waiting.waitExit() == .exited(code: 130))
                #expect(waiting.errorLines.count == 1 && waiting.errorLines[0].contains("goes on"), "\(waiting.lines)")
                try service.events.wait(for: "reload-finished")
                try service.stop()
            }
        }

        @Test func `status is a table for people, whole on a pipe`() throws {
            try withControlled(workers: 2, ["--name", "web"]) { service in
                let busy = try service.service.pid(ofWorker: 2)
                try standStill(busy)
                _ = LoadRun.run(requests: 20, concurrency: 2, service.address)
                try service.events.wait(for: "worker-busy", worker: 2)
                let answer = try service.run("status")
                #expect(answer.code == 0 && answer.errors.isEmpty)
                #expect(answer.output.first?.hasPrefix("web: serving") == true, "\(answer.output)")
                let head = try #require(answer.output.firstIndex { $0.hasPrefix("WORKER") })
                let rows = answer.output[(head + 1)...].map { $0.split(separator: " ") }
                #expect(rows.map { $0.first } == ["1", "2"], "\(answer.output)")
                #expect(rows[0].contains("ready") && rows[1].contains("busy"), "\(answer.output)")
                #expect(!answer.output.contains { $0.contains("\u{1B}") })
                kill(busy, SIGCONT)
                try service.stop()
            }
        }
    }
}
