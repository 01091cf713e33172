// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import MaitredSystem

/// A master that a benchmark starts, watches and stops.
struct BenchMaster: ~Copyable {
    private let master: ChildMaster
    private var conversation: Conversation

    /// Where it listens.
    let address: SocketAddress
    /// Its process.
    let pid: Int32

    /// Starts a master and waits until all its workers are ready.
    ///
    /// - Parameters:
    ///   - strategy: The value of `--strategy`.
    ///   - workers: How many.
    ///   - command: The workers' program and its arguments.
    ///   - directory: Where its control socket is to be.
    /// - Throws: What the start of a process, or the master, says.
    init(strategy: String, workers: Int, command: [String], in directory: borrowing PrivateDirectory) throws {
        let master = try ChildMaster(
            [
                "--listen", "127.0.0.1:0", "--workers", "\(workers)", "--strategy", strategy, "--log-level", "error",
                "--drain-timeout", "5s",
            ],
            command: command,
            socket: directory.socket,
            environment: ProcessEnvironment.variables().filter { !$0.key.hasPrefix("MAITRED_") }
        )
        guard var conversation = try master.conversation() else {
            throw CommandFailure.refused("the master did not start")
        }
        address = try Self.whenReady(master, &conversation, workers: workers)
        pid = master.pid
        self.conversation = conversation
        self.master = master
    }

    /// How it is.
    mutating func status() throws -> StatusReport {
        try conversation.status()
    }

    /// Begins to replace all workers, and does not wait.
    mutating func reload() throws {
        _ = try conversation.ask(ControlRequest(.reload))
    }

    /// Ends it, and waits.
    consuming func stop() throws {
        try master.stop()
    }

    private static func whenReady(
        _ master: ChildMaster,
        _ conversation: inout Conversation,
        workers: Int
    ) throws -> SocketAddress {
        let deadline = ContinuousClock.now + ChildMaster.patience
        while ContinuousClock.now < deadline {
            let report = try conversation.status()
            if report.workers.count(where: { $0.state == "ready" }) == workers {
                let text = report.listeners.first?.address ?? ""
                guard let port = UInt16(text.drop { $0 != ":" }.dropFirst()) else {
                    throw CommandFailure.refused("the master does not say where it listens")
                }
                return try .resolve(host: "127.0.0.1", port: port)
            }
            // The process's end, or a moment for it to get on.
            guard !Waiting.wait(for: [.readable(master.number)], within: .milliseconds(20))[0] else {
                throw CommandFailure.refused("the master did not start")
            }
        }
        throw CommandFailure.refused("the workers were not ready within \(ChildMaster.patience)")
    }
}
