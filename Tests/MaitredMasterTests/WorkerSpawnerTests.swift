// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import MaitredConfig
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

@testable import MaitredMaster
@testable import MaitredSupervise

struct WorkerSpawnerTests {
    private func environment(
        _ inherited: [String: String],
        added: [EnvironmentVariable] = [],
        port: UInt16? = nil
    ) -> [String] {
        WorkerSpawner.baseEnvironment(inherited: inherited, added: added, port: port)
    }

    @Test func `workers inherit what the master was started with`() {
        #expect(environment(["PATH": "/bin", "HOME": "/root", "EMPTY": ""]) == ["EMPTY=", "HOME=/root", "PATH=/bin"])
    }

    @Test(arguments: [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "FDSTORE",
        "MAITRED_WORKERS", "MAITRED_LOAD_FD", "MAITRED_",
    ])
    func `what is meant for the master reaches no worker, whoever set it`(name: String) {
        #expect(environment([name: "1", "A": "b"], added: [EnvironmentVariable(name: name, value: "2")]) == ["A=b"])
    }

    @Test(arguments: ["LISTEN_ADDRESS", "MAITRE", "XMAITRED_A", "maitred_a", "JOURNAL_STREAM", "INVOCATION_ID"])
    func `what only looks similar does`(name: String) {
        #expect(environment([name: "1"]) == ["\(name)=1"])
    }

    @Test func `the configuration file wins over the listener's port, which wins over what was inherited`() {
        let added = [EnvironmentVariable(name: "A", value: "file"), EnvironmentVariable(name: "A", value: "last")]
        #expect(environment(["A": "inherited", "PORT": "1"], added: added, port: 8080) == ["A=last", "PORT=8080"])
        #expect(environment(["PORT": "1"]) == ["PORT=1"])
        let port = EnvironmentVariable(name: "PORT", value: "9")
        #expect(environment(["PORT": "1"], added: [port], port: 8080) == ["PORT=9"])
    }

    @Test func `a value may hold anything`() {
        #expect(environment(["A": "b=c=d", "B": "x\ny"]) == ["A=b=c=d", "B=x\ny"])
    }

    // MARK: - Spawn

    /// A spawner of shells that run a script.
    private func spawner(
        _ script: String,
        listeners: [String] = ["127.0.0.1:80"],
        direct: DirectListeners? = nil
    ) throws -> WorkerSpawner {
        WorkerSpawner(
            path: "/bin/sh",
            arguments: ["sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin"],
            listeners: listeners,
            direct: direct,
            descriptorLimit: try .current(),
            queueDepth: 16,
            socketName: "@test",
            appPort: nil,
            stopSignal: SIGTERM,
            user: nil
        )
    }

    /// What workers write goes where the test's own output goes.
    private static var output: WorkerOutput {
        WorkerOutput(
            WorkerOutputMode(hasPrefix: false, isTerminal: { _ in false }, isJournal: { _ in false }),
            name: "test",
            environment: [:],
            log: Logger(label: "test")
        )
    }

    @Test func `a worker's variables name the descriptors it really has`() throws {
        try withTemporaryDirectory { directory in
            let script = """
                env > \(directory)/env
                for fd in 3 4 5 6; do stat -Lc %i /proc/self/fd/$fd; done > \(directory)/inodes
                ls /proc/$$/fd > \(directory)/open
                """
            let spawned = try spawner(script, listeners: ["127.0.0.1:80", "unix:/x"]).spawn(
                SpawnOrder(id: 7, slot: 2, generation: 1),
                output: Self.output
            )
            #expect(spawned.link.id == 7)
            #expect(spawned.link.slot == 2)
            #expect(eventually { !isAlive(spawned.process.pid) })
            let inodes = try #require(readFile("\(directory)/inodes")).split(separator: "\n")
            try #require(inodes.count == 4)
            let expected = try spawned.link.channels.map { "\(try $0.workerEnd.descriptor.inode())" }
            #expect(Array(inodes.prefix(2)) == expected.map { $0[...] })

            let variables = Set(try #require(readFile("\(directory)/env")).split(separator: "\n"))
            for line in [
                "MAITRED_HANDOFF_FDS=0:3:\(inodes[0]),1:4:\(inodes[1])", "MAITRED_CONTROL_FD=5:\(inodes[2])",
                "MAITRED_LOAD_FD=6:\(inodes[3])", "MAITRED_WORKER_ID=7", "MAITRED_WORKER_SLOT=2",
                "MAITRED_LISTENERS=0=127.0.0.1:80,1=unix:/x", "PATH=/usr/bin:/bin",
            ] {
                #expect(variables.contains(line[...]), "\(line)")
            }
            let open = Set(try #require(readFile("\(directory)/open")).split(separator: "\n").compactMap { Int($0) })
            // 0 to 2, the four, and whatever the shell itself opened above them for its redirection.
            #expect(open.isSuperset(of: 0...6))
            #expect(open.subtracting(0...6).allSatisfy { $0 >= 10 })
            _ = spawned.process.reap()
        }
    }

    @Test(arguments: [false, true])
    func `where workers accept they get listeners instead of channels`(hasOwn: Bool) throws {
        try withTemporaryDirectory { directory in
            var options = ListeningOptions()
            options.isPortShared = hasOwn
            let socket = try ListeningSocket.bound(to: .resolve(host: "127.0.0.1", port: 0), options)
            let address = socket.address.description
            let listener = Listener(index: 0, socket: socket, name: nil)
            let direct =
                hasOwn
                ? DirectListeners(reserved: [listener], [options])
                : DirectListeners(shared: [listener], areOurs: true)
            let spawned = try spawner("env > \(directory)/env", listeners: [address], direct: direct).spawn(
                SpawnOrder(id: 1, slot: 0, generation: 1),
                output: Self.output
            )
            #expect(eventually { !isAlive(spawned.process.pid) })
            let own = spawned.link.listeners
            #expect(spawned.link.channels.isEmpty && own.count == (hasOwn ? 1 : 0))
            #expect(own.allSatisfy { $0.socket.address.description == address && !$0.socket.isListening })
            let inode = try (own.first ?? listener).socket.descriptor.inode()
            let variables = try #require(readFile("\(directory)/env")).split(separator: "\n")
            #expect(variables.contains("MAITRED_LISTENER_FDS=0:3:\(inode)"), "\(variables)")
            #expect(variables.contains("MAITRED_LISTENERS=0=\(address)"))
            #expect(!variables.contains { $0.hasPrefix("MAITRED_HANDOFF_FDS") })
            _ = spawned.process.reap()
        }
    }

    @Test func `a failed start leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let spawner = WorkerSpawner(
                path: "/nowhere/server",
                arguments: ["server"],
                environment: [],
                listeners: ["a", "b"],
                direct: nil,
                descriptorLimit: try .current(),
                queueDepth: 16,
                socketName: "@test",
                appPort: nil,
                stopSignal: SIGTERM,
                user: nil
            )
            let output = Self.output
            let before = openDescriptorCount()
            for _ in 0..<3 {
                #expect(throws: SystemError.self) {
                    _ =
                        try spawner.spawn(SpawnOrder(id: 1, slot: 0, generation: 1), output: output).link
                }
            }
            #expect(openDescriptorCount() == before)
        }
    }
}
