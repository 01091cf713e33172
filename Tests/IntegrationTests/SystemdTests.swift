// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Sockets from a service manager, and what it is told.
    struct SystemdTests {
        // MARK: - Sockets

        @Test func `a socket from systemd is served, and its file is left to systemd`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let master = try activated(["--listen", path, "--fdname", "web"], ["--workers", "2"])
                // The first connection is what the service is started for.
                let first = try connected(path)
                #expect(try first.get().status == 200)
                let line = try master.waitForLine(containing: "listening on unix:\(path)")
                #expect(line.contains("name=web"))
                let run = LoadRun.run(requests: 200, concurrency: 4, .unix(path))
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.counts.count == 2)
                try expectNothingOfSystemd(inWorkersOf: master, descriptors: 6)
                master.signal(SIGTERM)
                #expect(try master.waitExit() == .exited(code: 0))
                #expect(fileMode(path) != nil)
            }
        }

        @Test func `two sockets are two listeners in systemd's order, by the names it gives`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let address = try freeAddress()
                let master = try activated(
                    ["--listen", path, "--listen", "\(address)", "--fdname", "web:api"],
                    ["--workers", "2", "--listen", "\(address)", "--listen", "unix:\(path)"]
                )
                #expect(try connected(path).get().field("listener") == "0")
                #expect(try TestClient.get(from: address).field("listener") == "1")
                let lines = try master.waitForLines(2, containing: "listening on ")
                #expect(lines[0].contains("unix:\(path)") && lines[0].contains("name=web"), "\(lines)")
                #expect(lines[1].contains("\(address)") && lines[1].contains("name=api"), "\(lines)")
                try expectNothingOfSystemd(inWorkersOf: master, descriptors: 7)
                master.signal(SIGTERM)
                #expect(try master.waitExit() == .exited(code: 0))
            }
        }

        @Test func `other addresses than systemd's are an error that says so`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let master = try activated(["--listen", path], ["--listen", "127.0.0.1:1"])
                _ = try connected(path)
                #expect(try master.waitExit() == .exited(code: 1))
                let lines = master.errorLines.filter { $0.hasPrefix("maitred: ") }
                #expect(
                    lines == [
                        "maitred: --listen 127.0.0.1:1 does not match what systemd passed (unix:\(path)): "
                            + "leave --listen out, or change the socket unit"
                    ]
                )
                #expect(!master.errorLines.contains { $0.contains(" started") })
            }
        }

        @Test func `a socket of a kind that cannot be served is an error that names it`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let master = try activated(["--seqpacket", "--listen", path], [])
                let client = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
                defer { close(client) }
                let address = TestAddress.unix(path).sockaddr
                // The file is there before anybody listens.
                let isConnected = eventually {
                    address.withUnsafeBytes {
                        let name = $0.baseAddress!.assumingMemoryBound(to: sockaddr.self)
                        return connect(client, name, socklen_t(address.count)) == 0
                    }
                }
                #expect(isConnected)
                #expect(try master.waitExit() == .exited(code: 1))
                let lines = master.errorLines.filter { $0.hasPrefix("maitred: ") }
                #expect(lines.count == 1 && lines[0].contains("take over"), "\(lines)")
            }
        }

        // MARK: - Notification

        @Test func `systemd hears READY when the first worker is ready, not before`() throws {
            try withTemporaryDirectory { directory in
                let manager = try ServiceManager()
                let script = #"while ! [ -e "$1" ]; do /bin/sleep 0.02; done; exec "$0""#
                let gate = "\(directory)/gate"
                let worker = ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker"), gate]
                let service = try Service(workers: 2, worker: worker, ready: 0, environment: manager.environment)
                #expect(manager.hears { $0.contains("STATUS=0 of 2 workers ready, 0 connections open") })
                #expect(!manager.states.contains("READY=1"))
                try writeFile(gate, "")
                #expect(manager.hears { $0.contains("READY=1") })
                #expect(manager.hears { $0.contains("STATUS=2 of 2 workers ready, 0 connections open") })
                #expect(manager.states.count { $0 == "READY=1" } == 1)
                try service.stop()
            }
        }

        /// The order is what `Type=notify-reload` waits for: RELOADING with its time, then READY again.
        @Test func `systemd hears of a reload, and when it is done`() throws {
            let manager = try ServiceManager()
            let service = try Service(workers: 2, environment: manager.environment)
            #expect(manager.hears { $0.contains("READY=1") })
            service.master.signal(SIGHUP)
            #expect(manager.hears { $0.count { $0 == "READY=1" } == 2 })
            let states = manager.states
            let reloading = try #require(states.firstIndex(of: "RELOADING=1"))
            let time = try #require(states[reloading...].first { $0.hasPrefix("MONOTONIC_USEC=") })
            let microseconds = try #require(UInt64(time.dropFirst("MONOTONIC_USEC=".count)))
            #expect(microseconds * 1000 <= MonotonicClock.nanoseconds())
            #expect(try #require(states.lastIndex(of: "READY=1")) > reloading)
            try service.master.waitForLine(containing: "reloaded in ")
            try service.stop()
        }

        @Test func `systemd's status line says why a reload touched nothing`() throws {
            try withTemporaryDirectory { directory in
                let manager = try ServiceManager()
                let file = "\(directory)/service.conf"
                try writeFile(file, "")
                let service = try Service(workers: 1, ["--config", file], environment: manager.environment)
                try writeFile(file, "MAITRED_QUEUE_DEPTH=many\n")
                service.master.signal(SIGHUP)
                #expect(
                    manager.hears {
                        $0.contains {
                            $0.hasPrefix("STATUS=1 of 1 workers ready")
                                && $0.contains("last reload refused: \(file):1: MAITRED_QUEUE_DEPTH: 'many' is not")
                        }
                    }
                )
                #expect(manager.hears { $0.last { $0 == "READY=1" || $0 == "RELOADING=1" } == "READY=1" })
                try service.stop()
            }
        }

        @Test func `systemd hears of a stop, and that it goes on`() throws {
            let manager = try ServiceManager()
            let service = try Service(workers: 2, ["--drain-timeout", "1h"], environment: manager.environment)
            let client = try TestClient(service.address)
            #expect(try client.get("/hold", keepAlive: true).status == 200)
            #expect(!manager.states.contains("STOPPING=1"))
            service.master.signal(SIGTERM)
            #expect(manager.hears { $0.contains("STOPPING=1") })
            #expect(manager.hears { $0.contains { $0.hasPrefix("STATUS=stopping: ") } })
            // Said again and again, always for more time than passes until the next.
            #expect(manager.hears { $0.count { $0.hasPrefix("EXTEND_TIMEOUT_USEC=") } >= 3 })
            let allowances = manager.states.compactMap { state in
                state.hasPrefix("EXTEND_TIMEOUT_USEC=") ? Int(state.dropFirst(20)) : nil
            }
            #expect(allowances.allSatisfy { $0 >= 2_000_000 }, "\(allowances)")
            client.close()
            #expect(try service.master.waitExit() == .exited(code: 0))
            #expect(manager.states.count { $0 == "STOPPING=1" } == 1)
        }

        @Test func `the watchdog hears the loop in time, busy or not`() throws {
            let manager = try ServiceManager()
            let interval = Duration.seconds(2)
            let service = try Service(
                workers: 1,
                ["--max-connections", "1"],
                environment: manager.environment.merging(["WATCHDOG_USEC": "2000000"]) { $1 }
            )
            var held = HeldConnections()
            try held.open(1, to: service.address)
            // Everybody is full and somebody waits: the loop turns all the same.
            let waiting = try TestClient(service.address)
            try waiting.request()
            for _ in 0..<3 {
                let heard = manager.states.count { $0 == "WATCHDOG=1" }
                #expect(manager.hears(within: interval) { $0.count { $0 == "WATCHDOG=1" } > heard })
            }
            held.clients[0].close()
            #expect(try waiting.response().status == 200)
            let variables = environment(of: try service.pid(ofWorker: 1))
            #expect(variables["WATCHDOG_USEC"] == nil && variables["NOTIFY_SOCKET"] == nil)
            try service.stop()
        }

        @Test func `a name in the abstract namespace is a notification socket too`() throws {
            let manager = try ServiceManager("@maitred-test-\(getpid())")
            let service = try Service(workers: 1, environment: manager.environment)
            #expect(manager.hears { $0.contains("READY=1") })
            try service.stop()
        }

        @Test func `a service manager that does not listen is no obstacle, one that cannot be is an error`() throws {
            let service = try Service(workers: 1, environment: ["NOTIFY_SOCKET": "/nonexistent/notify"])
            #expect(try TestClient.get(from: service.address).status == 200)
            try service.stop()
            let wrong = try Program(
                ProgramPath.built("maitred"),
                ["serve", "--listen", "127.0.0.1:0", "--", "sleep", "100"],
                environment: ["NOTIFY_SOCKET": "relative/notify"]
            )
            #expect(try wrong.waitExit() == .exited(code: 1))
            #expect(wrong.errorLines.count == 1 && wrong.errorLines[0].contains("NOTIFY_SOCKET"), "\(wrong.errorLines)")
        }

        // MARK: - Helpers

        /// Starts a master as systemd would, at the first connection.
        private func activated(_ sockets: [String], _ options: [String]) throws -> Program {
            let master = try ProgramPath.built("maitred")
            let worker = try ProgramPath.built("maitred-test-worker")
            // Only what is named reaches the program; the mark is how the test finds its processes.
            return try Program(
                "/usr/bin/systemd-socket-activate",
                sockets + ["--setenv", "TEST_RUN", master, "serve"] + options + ["--", worker]
            )
        }

        /// A client of a socket that is there in a moment.
        private func connected(_ path: String) throws -> TestClient {
            #expect(eventually { fileMode(path) != nil })
            var client: TestClient?
            _ = eventually {
                client = try? TestClient(.unix(path))
                return client != nil
            }
            return try #require(client)
        }

        /// An address that nobody uses at the moment: systemd's tool takes no port 0.
        private func freeAddress() throws -> TestAddress {
            let socket = try ListeningSocket.open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions())
            return try #require(TestAddress(socket.address.description))
        }

        private func expectNothingOfSystemd(inWorkersOf master: Program, descriptors: Int) throws {
            let workers = children(of: master.pid)
            #expect(workers.count == 2)
            for worker in workers {
                let names = environment(of: worker).keys
                #expect(!names.contains { $0.hasPrefix("LISTEN_") }, "\(names)")
                let ends = openDescriptors(of: worker).values.filter {
                    $0.hasPrefix("socket:") || $0.hasPrefix("/memfd:")
                }
                // Channels, control channel and page; the standard three are a null device and pipes.
                #expect(ends.count == descriptors - 3, "\(ends)")
            }
        }
    }
}

/// A socket that plays systemd, and everything it has heard.
private final class ServiceManager {
    private let receiver: DatagramReceiver
    private var heard: [String] = []

    /// Listens at an abstract address, or at a path of its own.
    init(_ address: String = DatagramReceiver.temporaryPath()) throws {
        receiver = try DatagramReceiver(address)
    }

    /// What a service is started with.
    var environment: [String: String] { ["NOTIFY_SOCKET": receiver.address] }

    /// The states so far, each a line.
    var states: [String] {
        while let text = receiver.nextText() { heard += text.split(separator: "\n").map { String($0) } }
        return heard
    }

    /// Whether the states satisfy a condition in time.
    func hears(within limit: Duration = .seconds(10), _ condition: ([String]) -> Bool) -> Bool {
        eventually(within: limit) { condition(states) }
    }
}
