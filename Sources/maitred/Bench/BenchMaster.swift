// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem

/// A master that a benchmark starts, watches and stops: this very program, as `maitred serve`.
struct BenchMaster: ~Copyable {
    /// How long a start or a stop may take.
    private static let patience = Duration.seconds(30)

    private let process: ChildProcess
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
    init(strategy: String, workers: Int, command: [String], in directory: borrowing BenchDirectory) throws {
        let path = "\(directory.path)/control"
        let arguments =
            [
                "maitred", "serve", "--listen", "127.0.0.1:0", "--workers", "\(workers)", "--strategy", strategy,
                "--control", path, "--log-level", "error", "--drain-timeout", "5s", "--",
            ] + command
        let plan = SpawnPlan(
            path: "/proc/self/exe",
            arguments: arguments,
            environment: ProcessEnvironment.variables().filter { !$0.key.hasPrefix("MAITRED_") }
                .map { "\($0.key)=\($0.value)" },
            descriptors: [],
            descriptorLimit: try DescriptorLimit.current()
        )
        let process = try ChildProcess.spawn(plan)
        let report = try Self.whenReady(process, path, workers: workers)
        let conversation = Conversation(try .connect(to: path))
        guard let listener = report.listeners.first, let port = UInt16(listener.address.drop { $0 != ":" }.dropFirst())
        else { throw CommandFailure.refused("the master does not say where it listens") }
        let address = try SocketAddress.resolve(host: "127.0.0.1", port: port)
        pid = process.pid
        self.address = address
        self.process = process
        self.conversation = conversation
    }

    /// How it is.
    mutating func status() throws -> StatusReport {
        guard let report = try conversation.ask(ControlRequest(.status)).status else {
            throw CommandFailure.refused("the master's answer has no status in it")
        }
        return report
    }

    /// Begins to replace all workers, and does not wait.
    mutating func reload() throws {
        _ = try conversation.ask(ControlRequest(.reload))
    }

    /// Ends it, and waits.
    consuming func stop() throws {
        process.signal(SIGTERM)
        guard Waiting.wait(for: [.readable(process.descriptor.number)], within: Self.patience)[0] else {
            process.signal(SIGKILL)
            throw CommandFailure.refused("the master did not stop within \(Self.patience)")
        }
        _ = process.reap()
    }

    private static func whenReady(
        _ process: borrowing ChildProcess,
        _ path: String,
        workers: Int
    ) throws
        -> StatusReport
    {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            // The process's end, or a moment for it to get on.
            guard !Waiting.wait(for: [.readable(process.descriptor.number)], within: .milliseconds(20))[0] else {
                throw CommandFailure.refused("the master did not start")
            }
            guard var conversation = try? Conversation(.connect(to: path, within: .seconds(1))) else { continue }
            guard let report = try conversation.ask(ControlRequest(.status)).status else { continue }
            if report.workers.count(where: { $0.state == "ready" }) == workers { return report }
        }
        process.signal(SIGTERM)
        throw CommandFailure.refused("the workers were not ready within \(patience)")
    }
}

/// A directory for as long as a benchmark runs.
struct BenchDirectory: ~Copyable {
    /// Where it is.
    let path: String

    /// Makes one that nobody else can enter.
    ///
    /// Wraps `mkdtemp(3)`.
    init() throws {
        let place = ProcessEnvironment.variables()["TMPDIR"] ?? "/tmp"
        var template = Array("\(place)/maitred-bench-XXXXXX".utf8CString)
        // SAFETY: the template ends with NUL and is written to in place.
        let made = unsafe mkdtemp(&template) != nil
        guard made else { throw SystemError(call: "create a directory in", object: place, errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        _ = unsafe unlink("\(path)/control")
        _ = unsafe rmdir(path)
    }
}
