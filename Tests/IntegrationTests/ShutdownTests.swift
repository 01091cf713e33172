// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// The way out: nothing that was begun is cut short, nothing waits longer than it may, nobody is left behind.
    struct ShutdownTests {
        @Test func `a worker that leaves a hundred processes behind does not keep the master`() throws {
            let worker = try ProgramPath.built("maitred-test-worker")
            let script = #"for i in $(seq 100); do sleep 300 & done; exec "$0""#
            let service = try Service(workers: 1, worker: ["/bin/sh", "-c", script, worker])
            try service.stop(within: .seconds(9))
        }

        @Test func `a worker that is still starting is told at once, and once`() throws {
            let worker = try ProgramPath.built("maitred-test-worker")
            let script = #"""
                [ "$MAITRED_WORKER_SLOT" = 0 ] && exec "$0"
                trap 'sleep 0.2; echo ended by itself; exit 0' TERM
                echo starting; while :; do sleep 0.05; done
                """#
            let service = try Service(workers: 2, worker: ["/bin/sh", "-c", script, worker], ready: 1)
            var held = HeldConnections()
            try held.open(1, to: service.address)
            try service.master.waitForLine(containing: "starting")
            service.master.signal(SIGTERM)
            // While another finishes what it has.
            try service.master.waitForLine(containing: "worker 2 exited: exit code 0")
            #expect(service.master.lines.contains { $0.contains("ended by itself") })
            held.clients[0].close()
            #expect(try service.master.waitExit() == .exited(code: 0))
        }

        @Test func `at max-connections a stop begins to drain at once`() throws {
            let service = try Service(workers: 1, ["--max-connections", "1", "--drain-timeout", "30s"])
            let client = try TestClient(service.address)
            #expect(try client.get("/keep", keepAlive: true).status == 200)
            try service.stop(within: .seconds(9))
            #expect(try client.readToEnd() == "")
        }

        @Test(arguments: [SIGTERM, SIGINT])
        func `open connections are waited for, new ones refused`(signal: Int32) throws {
            let service = try Service(workers: 2)
            var held = HeldConnections()
            try held.open(4, to: service.address)
            service.master.signal(signal)
            try service.master.waitForLine(containing: ": stopping open=4 queued=0")
            #expect(eventually { isRefused(service.address) })
            // Whoever is connected already can still ask.
            for client in held.clients { #expect(try client.get("/hold", keepAlive: true).status == 200) }
            #expect(service.master.descendants.count == 2)
            let begun = ContinuousClock.now
            for client in held.clients { client.close() }
            #expect(try service.master.waitExit() == .exited(code: 0))
            #expect(ContinuousClock.now - begun < .seconds(5))
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `a connection that is only kept for later does not delay the end`() throws {
            let service = try Service(workers: 2)
            let clients = try (0..<4).map { _ in try TestClient(service.address) }
            for client in clients { #expect(try client.get("/keep", keepAlive: true).status == 200) }
            let begun = ContinuousClock.now
            try service.stop()
            #expect(ContinuousClock.now - begun < .seconds(5))
            for client in clients { #expect(try client.readToEnd() == "") }
        }

        @Test func `a request that had begun is answered`() throws {
            let service = try Service(workers: 2)
            let clients = try (0..<6).map { _ in try TestClient(service.address) }
            // Some are in the middle of a request, some have said nothing yet.
            for client in clients.prefix(4) { try client.send("GET / HTTP/1.1\r\nHost:") }
            service.master.signal(SIGTERM)
            try service.master.waitForLine(containing: "SIGTERM: stopping")
            #expect(eventually { isRefused(service.address) })
            for client in clients.prefix(4) { try client.send(" test\r\n\r\n") }
            for client in clients.suffix(2) { try client.request() }
            for client in clients { #expect(try client.response().status == 200) }
            #expect(try service.master.waitExit() == .exited(code: 0))
        }

        @Test func `whoever waits in the backlog is served`() throws {
            let service = try Service(workers: 1, ["--max-connections", "1"])
            var held = HeldConnections()
            try held.open(1, to: service.address)
            let waiting = try (0..<20).map { _ in try TestClient(service.address) }
            for client in waiting { try client.request() }
            service.master.signal(SIGTERM)
            try service.master.waitForLine(containing: "SIGTERM: stopping")
            held.clients[0].close()
            for client in waiting { #expect(try client.response().status == 200) }
            #expect(try service.master.waitExit() == .exited(code: 0))
            #expect(isRefused(service.address))
        }

        @Test func `what waits for a stopped worker is served by others before the end`() throws {
            let service = try Service(workers: 2, ["--kill-timeout", "500ms"])
            kill(try service.pid(ofWorker: 1), SIGSTOP)
            let clients = try (0..<20).map { _ in try TestClient(service.address) }
            for client in clients { try client.request() }
            service.master.signal(SIGTERM)
            for client in clients { #expect(try client.response().field("id") == "2") }
            // The stopped one cannot answer its stop signal: it is killed.
            #expect(try service.master.waitExit() == .exited(code: 1))
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `requests that arrive while the master stops are answered, or refused as the listener closes`()
            throws
        {
            let service = try Service(workers: 4)
            let address = service.address
            let clients = 4
            let persistent = PersistentClients()
            let master = service.master
            inThreads(clients + 1) { index in
                if index < clients { return persistent.ask(address) }
                _ = eventually { persistent.outcome.answered > 200 }
                master.signal(SIGTERM)
            }
            #expect(try master.waitExit() == .exited(code: 0))
            let outcome = persistent.outcome
            #expect(outcome.answered > 200)
            #expect(outcome.answered + outcome.refused == outcome.asked, "\(outcome)")
            #expect(outcome.refused == clients, "\(outcome)")
        }

        // MARK: - Time limits

        @Test func `connections that stay open end with the drain timeout`() throws {
            let service = try Service(workers: 2, ["--drain-timeout", "1s"])
            var held = HeldConnections()
            try held.open(2, to: service.address)
            let begun = ContinuousClock.now
            try service.stop()
            let time = ContinuousClock.now - begun
            #expect(time > .milliseconds(900) && time < .seconds(5), "\(time)")
        }

        @Test func `clients that wait for a place end with the drain timeout`() throws {
            let service = try Service(workers: 1, ["--drain-timeout", "1s", "--max-connections", "1"])
            var held = HeldConnections()
            try held.open(1, to: service.address)
            let waiting = try (0..<3).map { _ in try TestClient(service.address) }
            for client in waiting { try client.request() }
            let begun = ContinuousClock.now
            try service.stop()
            let time = ContinuousClock.now - begun
            #expect(time > .milliseconds(900) && time < .seconds(5), "\(time)")
        }

        @Test func `a second signal ends the waiting`() throws {
            let service = try Service(workers: 2, ["--drain-timeout", "1h"])
            var held = HeldConnections()
            try held.open(2, to: service.address)
            service.master.signal(SIGINT)
            try service.master.waitForLine(containing: "SIGINT: stopping")
            let words = "waiting for 2 connections to end, 60 min at most; a second SIGINT stops the workers at once"
            try service.master.waitForLine(containing: words)
            let begun = ContinuousClock.now
            service.master.signal(SIGINT)
            try service.master.waitForLine(containing: "SIGINT again: workers get the stop signal now")
            #expect(try service.master.waitExit() == .exited(code: 0))
            #expect(ContinuousClock.now - begun < .seconds(5))
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `a worker that ignores the stop signal is killed after the kill timeout, and that is a failure`()
            throws
        {
            let service = try Service(workers: 2, ["--kill-timeout", "500ms"], worker: worker("ignore-stop"))
            let begun = ContinuousClock.now
            service.master.signal(SIGTERM)
            #expect(try service.master.waitExit() == .exited(code: 1))
            let time = ContinuousClock.now - begun
            #expect(time > .milliseconds(450) && time < .seconds(5), "\(time)")
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `a third signal kills what ignores the stop signal`() throws {
            let options = ["--kill-timeout", "1h", "--drain-timeout", "1h"]
            let service = try Service(workers: 2, options, worker: worker("ignore-stop"))
            var held = HeldConnections()
            try held.open(2, to: service.address)
            service.master.signal(SIGTERM)
            try service.master.waitForLine(containing: "SIGTERM: stopping")
            service.master.signal(SIGTERM)
            try service.master.waitForLine(containing: "SIGTERM again")
            service.master.signal(SIGTERM)
            #expect(try service.master.waitExit() == .exited(code: 1))
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `workers that are not ready yet, and pauses between starts, delay nothing`() throws {
            for command in [["/bin/sleep", "100"], ["/bin/sh", "-c", "exit 3"]] {
                let service = try Service(workers: 2, ["--restart-delay", "30s"], worker: command, ready: 0)
                try service.master.waitForLine(
                    containing: command.count == 2 ? "worker 2 started" : "next try in 30.0 s"
                )
                let begun = ContinuousClock.now
                try service.stop()
                #expect(ContinuousClock.now - begun < .seconds(5))
            }
        }

        // MARK: - Signals to workers

        @Test func `the drain signal comes with the drain, the stop signal when it is over`() throws {
            try withTemporaryDirectory { directory in
                let script = #"""
                    trap 'echo drain-signal' USR1
                    trap 'echo stop-signal; kill $!; exit 0' QUIT
                    "$0" --mode ignore-stop & while true; do wait $!; done
                    """#
                let command = ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
                let service = try Service(
                    workers: 1,
                    ["--drain-signal", "USR1", "--stop-signal", "QUIT", "--kill-timeout", "1s"],
                    worker: command
                )
                let client = try TestClient(service.address)
                #expect(try client.get("/hold", keepAlive: true).status == 200)
                service.master.signal(SIGTERM)
                try service.master.waitForLine(containing: "drain-signal")
                #expect(!service.master.outputLines.contains("stop-signal"))
                client.close()
                try service.master.waitForLine(containing: "stop-signal")
                // What the shell left behind ignores its signals: it is killed with its group.
                #expect(try service.master.waitExit() == .exited(code: 1))
                #expect(service.master.descendants.isEmpty)
            }
        }

        // MARK: - What workers leave

        @Test func `processes that a worker leaves in its group are gone at the end`() throws {
            let script = #"/bin/sleep 100 & "$0" & wait"#
            let command = ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
            let service = try Service(workers: 2, worker: command)
            #expect(eventually { service.master.descendants.count == 6 })
            #expect(LoadRun.run(requests: 100, concurrency: 2, service.address).failures.isEmpty)
            try service.stop()
        }

        @Test func `processes that ignore the stop signal in a worker's group are killed`() throws {
            let script = #"(trap '' TERM; exec /bin/sleep 100) & exec "$0""#
            let command = ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
            let service = try Service(workers: 2, ["--kill-timeout", "500ms"], worker: command)
            service.master.signal(SIGTERM)
            #expect(try service.master.waitExit() == .exited(code: 1))
            #expect(service.master.descendants.isEmpty)
        }

        // MARK: - No way out

        @Test func `when the master is killed its workers finish and end by themselves`() throws {
            let service = try Service(workers: 2)
            let client = try TestClient(service.address)
            let pid = try #require(try client.get("/hold", keepAlive: true).field("pid").flatMap { Int32($0) })
            service.master.signal(SIGKILL)
            #expect(try service.master.waitExit() == .signaled(signal: SIGKILL))
            #expect(eventually { service.master.descendants == [pid] })
            #expect(try client.get("/hold", keepAlive: true).field("pid") == "\(pid)")
            client.close()
            #expect(eventually { service.master.descendants.isEmpty })
            #expect(isRefused(service.address))
        }

        private func worker(_ mode: String) throws -> [String] {
            try [ProgramPath.built("maitred-test-worker"), "--mode", mode]
        }

        private func isRefused(_ address: TestAddress) -> Bool {
            (try? TestClient(address)) == nil
        }
    }
}
