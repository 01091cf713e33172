// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

/// Everything that starts real masters runs one after the other: the machine's load is part of what is tested.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum Integration {}

/// A `maitred serve` under test, with its workers.
struct Service {
    /// The master.
    let master: Program

    /// Where it listens, in the order of its listeners.
    let addresses: [TestAddress]

    /// Starts a master and waits until it listens and as many workers are ready.
    ///
    /// - Parameters:
    ///   - workers: How many; nil when the configuration file says it.
    ///   - options: Flags besides `--listen`, `--workers` and `--control`.
    ///   - worker: The command of a worker; empty when the configuration file has it.
    ///   - control: The path of its control socket; none unless said otherwise.
    ///   - ready: Workers to wait for; all of them unless said otherwise.
    init(
        listen: [String] = ["127.0.0.1:0"],
        workers: Int? = 4,
        _ options: [String] = [],
        worker: [String]? = nil,
        control: String? = nil,
        ready: Int? = nil,
        environment: [String: String] = [:]
    ) throws {
        let command = try worker ?? [ProgramPath.built("maitred-test-worker")]
        let flags = listen.flatMap { ["--listen", $0] } + (workers.map { ["--workers", "\($0)"] } ?? [])
        master = try Program(
            ProgramPath.built("maitred"),
            ["serve"] + flags + ["--control", control ?? "none"] + options + (command.isEmpty ? [] : ["--"] + command),
            environment: environment
        )
        let lines = try master.waitForLines(listen.count, containing: "listening on ")
        addresses = try lines.map { line in
            let words = line.split(separator: " ")
            let place = words.firstIndex(of: "on").map { words[words.index(after: $0)] } ?? ""
            return try #require(TestAddress(place), "no address in '\(line)'")
        }
        try waitForReady(ready ?? workers ?? 0)
    }

    /// The first listener's address.
    var address: TestAddress { addresses[0] }

    /// Waits until so many workers have become ready since the start, successors included.
    func waitForReady(_ count: Int) throws {
        if count > 0 { try master.waitForLines(count, containing: " ready", within: .seconds(30)) }
    }

    /// The pid of a worker, as the log says it.
    func pid(ofWorker id: Int) throws -> Int32 {
        let line = try master.waitForLine(containing: "worker \(id) started")
        let word = line.split(separator: " ").first { $0.hasPrefix("pid=") }
        return try #require(word.flatMap { Int32($0.dropFirst(4)) }, "no pid in '\(line)'")
    }

    /// Stops the master in the ordinary way and checks that it ended well, leaving nobody behind.
    func stop(within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation) throws {
        master.signal(SIGTERM)
        let end = try master.waitExit(within: limit)
        #expect(end == .exited(code: 0), "\(master.errorLines)", sourceLocation: sourceLocation)
        #expect(master.descendants.isEmpty, sourceLocation: sourceLocation)
    }

    /// Resident memory of the master in bytes.
    var residentBytes: UInt64 { ProcessFiles.residentBytes(of: master.pid) ?? 0 }
}

/// Connections that are held open, by the worker that has them.
struct HeldConnections {
    private(set) var clients: [TestClient] = []
    private(set) var owners: [String] = []

    /// Opens so many connections, each after the other is known to be with a worker.
    mutating func open(_ count: Int, to address: TestAddress) throws {
        for _ in 0..<count {
            let client = try TestClient(address)
            owners.append(try client.get("/hold", keepAlive: true).field("id") ?? "")
            clients.append(client)
        }
    }

    /// How many each worker has.
    var counts: [String: Int] { owners.reduce(into: [:]) { $0[$1, default: 0] += 1 } }

    /// Forgets what a worker had, as when it died.
    mutating func drop(worker id: String) {
        for index in owners.indices.reversed() where owners[index] == id {
            owners.remove(at: index)
            clients.remove(at: index)
        }
    }
}
