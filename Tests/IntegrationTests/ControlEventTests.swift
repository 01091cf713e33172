// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// `maitred events`: complete, in order, to everybody who asks, and to nobody's harm.
    struct ControlEventTests {
        @Test func `events tell the whole life of a service in order`() throws {
            try withControlled(workers: 2) { service in
                #expect(try service.run("reload", "--wait").code == 0)
                try service.stop()
                #expect(try service.events.program.waitExit() == .exited(code: 0))
                let events = try service.events.all()
                #expect(events.map(\.sequence) == Array(1...events.count))
                for id in 1...4 {
                    let life = events.filter { $0.worker == id }.map(\.name)
                    let wanted = [
                        "worker-started", "worker-ready", "worker-draining", "worker-drained", "worker-exited",
                    ]
                    #expect(life == wanted, "worker \(id)")
                }
                let whole = events.filter { $0.worker == nil && $0.name != "rollout-step" }.map(\.name)
                let wanted = [
                    "listening", "master-started", "serving", "reload-started", "reload-finished", "stopping",
                    "stopped",
                ]
                #expect(whole == wanted)
                let generations = events.filter { $0.name == "worker-started" }.map { $0.number("generation") }
                #expect(generations == [1, 1, 2, 2])
            }
        }

        @Test func `the log says the same as the events`() throws {
            try withControlled(workers: 2, ["--log-level", "debug"]) { service in
                #expect(try service.run("restart", "--wait", "2").code == 0)
                try service.stop()
                _ = try service.events.program.waitExit()
                var lines = service.service.master.errorLines[...]
                for event in try service.events.all() {
                    let index = lines.firstIndex { $0.contains("\(event.text("level") ?? ""): \(event.message)") }
                    let found = try #require(index, "\(event.message)")
                    lines = lines[(found + 1)...]
                }
            }
        }

        @Test func `since begins with what has happened, without it only what comes`() throws {
            try withControlled(workers: 1) { service in
                let old = try EventStream(service.path, since: "1h", count: 3)
                #expect(try old.program.waitExit() == .exited(code: 0))
                #expect(try old.all().map(\.sequence) == [1, 2, 3])
                let last = try service.events.wait(for: "serving").sequence
                let new = try EventStream(service.path, since: nil, count: 1)
                // Something happens until it has heard of it: when it began to listen nobody says.
                let hasHeard = try eventually {
                    for command in ["hold", "release"] { try service.run(command, "1") }
                    return new.program.hasEnded
                }
                #expect(hasHeard && new.program.exitStatus == .exited(code: 0))
                let first = try #require(try new.all().first)
                #expect(first.sequence > last && ["worker-held", "worker-released"].contains(first.name), "\(first)")
                try service.stop()
            }
        }

        @Test func `two subscribers hear the same`() throws {
            try withControlled(workers: 2) { service in
                let other = try EventStream(service.path)
                try other.wait(for: "worker-ready", count: 2)
                for id in ["1", "2"] { #expect(try service.run("restart", "--wait", id).code == 0) }
                try service.stop()
                for stream in [other, service.events] {
                    #expect(try stream.program.waitExit() == .exited(code: 0))
                }
                #expect(other.program.outputLines == service.events.program.outputLines)
            }
        }

        @Test func `a subscriber that reads nothing is dropped, and all others hear everything`() throws {
            try withControlled(workers: 1) { service in
                let silent = try TestClient(.unix(service.path))
                try silent.send(#"{"version":1,"command":"events"}"# + "\n")
                let resident = service.service.residentBytes
                let names = ["random", "round-robin"]
                var sent = 0
                while try service.events.all("client-dropped").isEmpty, sent < 20_000 {
                    let client = try TestClient(.unix(service.path))
                    let requests = (0..<100).map {
                        "{\"version\":1,\"command\":\"strategy\",\"strategy\":\"\(names[$0 % 2])\"}\n"
                    }
                    try client.send(requests.joined())
                    client.finishSending()
                    let answers = try client.readToEnd().split(separator: "\n")
                    #expect(answers.count == 100)
                    sent += 100
                }
                let dropped = try service.events.wait(for: "client-dropped")
                #expect(dropped.number("pid") == Double(getpid()) && dropped.number("user") == Double(geteuid()))
                #expect(LoadRun.run(requests: 100, concurrency: 2, service.address).failures.isEmpty)
                let events = try service.events.all()
                #expect(events.map(\.sequence) == Array(1...events.count))
                #expect(service.service.residentBytes < resident + 2 << 20)
                try service.stop()
            }
        }
    }
}
