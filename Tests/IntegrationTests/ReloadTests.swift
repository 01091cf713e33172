// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Rolling reloads: every worker is replaced, and nobody who asks notices.
    struct ReloadTests {
        private static let reloads = 20
        private static let clients = 8

        /// The test worker, which finishes when it is asked to, and one that cannot; the demo.
        private static func commands() throws -> [(String, [String])] {
            let worker = try ProgramPath.built("maitred-test-worker")
            return [
                ("on the SDK", [worker]),
                ("no graceful stop", [worker, "--mode", "ignore-drain"]),
                ("demo", [try ProgramPath.built("maitred-demo")]),
            ]
        }

        // MARK: - Nothing fails

        @Test(arguments: try commands())
        func `twenty reloads under load fail no request on a new connection`(name: String, worker: [String]) throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(worker: worker, control: control.path)
                let events = try control.events()
                let address = service.address
                let isDone = Guarded(false)
                let load = Background {
                    LoadRun.run(concurrency: Self.clients, address, countedBy: { _ in "" }, while: { !isDone.value })
                }
                defer { load.join() }
                defer { isDone.value = true }
                for _ in 0..<Self.reloads { try reload(control) }
                isDone.value = true
                let run = load.join()

                let counts = try control.settledConnections()
                let fewest = try events.all().fewestReady(of: 4)
                print("\(Self.reloads) reloads, \(name): \(run.answered) answered in \(run.time),", terminator: " ")
                print("slowest \(run.slowest), never fewer than \(fewest) ready, \(counts)")
                #expect(run.failures.isEmpty, "\(run.failures.count): \(run.failures.prefix(3))")
                #expect(run.answered > 500)
                #expect(counts.accepted == run.answered && counts.lost == 0 && counts.failed == 0)
                #expect(fewest == 4, "a successor is ready before its predecessor goes")
                try expectGeneration(1 + Self.reloads, control)
                try service.stop()
            }
        }

        @Test func `kept connections to the demo end cleanly between responses`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(worker: [ProgramPath.built("maitred-demo")], control: control.path)
                let address = service.address
                let isDone = Guarded(false)
                let load = Background {
                    KeepAliveLoad.run(concurrency: Self.clients, address, while: { !isDone.value })
                }
                defer { load.join() }
                defer { isDone.value = true }
                for _ in 0..<Self.reloads { try reload(control) }
                isDone.value = true
                let run = load.join()
                let counts = try control.settledConnections()
                print("\(Self.reloads) reloads, kept connections: \(run.answers) answered on", terminator: " ")
                print("\(run.answeredConnections) connections, \(run.closedCleanly) closed by the server, \(counts)")
                #expect(run.cuts.isEmpty, "\(run.cuts.count): \(run.cuts.prefix(3))")
                #expect(run.refusals.isEmpty, "\(run.refusals.prefix(3))")
                // Each reload ends every connection of before.
                #expect(run.closedCleanly >= Self.reloads * Self.clients)
                #expect(counts.accepted == run.answeredConnections && counts.lost == 0)
                try service.stop()
            }
        }

        // MARK: - Long-lived connections

        @Test func `after a reload long-lived connections are spread evenly as their clients come back`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let options = ["--strategy", "least-connections", "--stall-timeout", "5s", "--drain-timeout", "300ms"]
                let service = try Service(options, control: control.path)
                var held = HeldConnections()
                try held.open(400, to: service.address)
                let reload = try control.run("reload")
                #expect(reload.status == .exited(code: 0), "\(reload)")
                // The old workers end with the drain timeout, one after the other; whoever had one of them comes back.
                var busiest = 0
                let isOver = try eventually(within: .seconds(30)) {
                    let lost = held.lost
                    for worker in lost { held.drop(worker: worker) }
                    try held.open(400 - held.clients.count, to: service.address)
                    let report = try control.status()
                    busiest = max(busiest, report.workers.map(\.open).max() ?? 0)
                    return lost.isEmpty && report.lastReload?.result == "done"
                }
                #expect(isOver)
                print("after the reload 400 connections came back: \(held.counts), at most \(busiest) in between")
                #expect(held.counts.count == 4 && held.counts.keys.allSatisfy { Int($0) ?? 0 > 4 }, "\(held.counts)")
                #expect(held.counts.values.allSatisfy { abs($0 - 100) <= 2 }, "\(held.counts)")
                // Neither the old nor the new were flooded meanwhile.
                #expect(busiest <= 110, "\(busiest)")
            }
        }

        // MARK: - What it does

        @Test func `SIGHUP does the same`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(workers: 2, control: control.path)
                let events = try control.events()
                service.master.signal(SIGHUP)
                let finished = try events.wait(for: "reload-finished")
                #expect(finished.map(\.generation) == [2])
                try service.master.waitForLine(containing: "reloading: replacing 2 workers one by one")
                try expectGeneration(2, control)
                try service.stop()
            }
        }

        @Test func `one worker more at a time, the old one goes when the new one is ready, and spread apart`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(workers: 3, ["--spread", "400ms"], control: control.path)
                let events = try control.events()
                let command = try control.run("reload", "--wait")
                #expect(command.output == (1...3).map { "replaced \($0) of 3" } + ["reloaded"])
                try events.wait(for: "reload-finished")
                let heard = try events.all().drop { $0.event != "reload-started" }
                let order = heard.compactMap { event in event.worker.map { "\(event.event) \($0)" } }
                #expect(
                    order.filter { !$0.hasPrefix("worker-drained") }
                        == (1...3).flatMap { old in
                            ["started \(old + 3)", "ready \(old + 3)", "draining \(old)", "exited \(old)"]
                                .map { "worker-\($0)" }
                        }
                )
                let starts = heard.filter { $0.event == "worker-started" }.compactMap(\.milliseconds)
                let steps = heard.filter { $0.event == "rollout-step" }.compactMap(\.milliseconds)
                try #require(starts.count == 3 && steps.count == 3)
                for (step, start) in zip(steps, starts.dropFirst()) {
                    let pause = (start - step + 86_400_000) % 86_400_000
                    #expect(pause >= 399 && pause < 2000, "\(pause) ms between two steps")
                }
                try service.stop()
            }
        }

        @Test func `a reload takes over workers, environment and strategy from the file`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let file = "\(directory)/web.conf"
                let command = try ProgramPath.built("maitred-test-worker")
                func write(_ workers: Int, _ strategy: String, _ greeting: String) throws {
                    let settings = "MAITRED_WORKERS=\(workers)\nMAITRED_STRATEGY=\(strategy)\n"
                    try writeFile(file, "MAITRED_COMMAND=\(command)\n\(settings)GREETING=\(greeting)\n")
                }
                try write(2, "round-robin", "hello")
                let service = try Service(
                    workers: nil,
                    ["--config", file],
                    worker: [],
                    control: control.path,
                    ready: 2
                )
                for (workers, strategy, greeting) in [(4, "least-connections", "good evening"), (1, "random", "bye")] {
                    try write(workers, strategy, greeting)
                    try reload(control)
                    let report = try control.waitForStatus { $0.workers.count == workers }
                    #expect(report.size == workers && report.strategy == strategy)
                    #expect(report.workers.allSatisfy { $0.generation == report.generation })
                    for worker in report.workers {
                        #expect(environment(of: Int32(worker.pid))["GREETING"] == greeting)
                    }
                    let run = LoadRun.run(requests: 200, concurrency: 4, service.address)
                    #expect(run.failures.isEmpty && run.counts.count == workers, "\(run)")
                }
                try service.stop()
            }
        }

        // MARK: - Help

        private func reload(_ control: ServiceControl) throws {
            let command = try control.run("reload", "--wait")
            try #require(command.status == .exited(code: 0), "\(command)")
            #expect(command.output.last == "reloaded")
        }

        /// Every worker that there is belongs to a generation, and the master says that it came about.
        private func expectGeneration(_ generation: Int, _ control: ServiceControl) throws {
            let report = try control.status()
            #expect(report.generation == generation && report.state == "serving")
            #expect(report.lastReload?.result == "done" && report.lastReload?.generation == generation)
            #expect(report.workers.count == report.size)
            #expect(report.workers.allSatisfy { $0.generation == generation && $0.state == "ready" })
        }
    }
}

extension Guarded<Bool> {
    fileprivate var value: Bool {
        get { withLock { $0 } }
        set { withLock { $0 = newValue } }
    }
}

extension HeldConnections {
    /// Workers whose connections have ended.
    fileprivate var lost: Set<String> {
        Set(zip(clients, owners).filter { client, _ in client.isEnded }.map { $1 })
    }
}
