// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem

/// A master that a command starts for itself and stops again: this very program, as `maitred serve`.
///
/// It is stopped with the object at the latest.
final class ChildMaster {
    /// How long a start or a stop may take.
    static let patience = Duration.seconds(30)

    /// Between two tries to reach one that has just been started.
    private static let pause = Duration.milliseconds(20)

    private let process: ChildProcess
    private let socket: String
    private var isRunning = true

    /// Its process.
    var pid: Int32 { process.pid }

    /// Readable once it has ended.
    var number: CInt { process.descriptor.number }

    /// Starts one.
    ///
    /// - Parameters:
    ///   - options: What stands between `serve` and the command.
    ///   - command: The workers' program and its arguments.
    ///   - socket: Where its control socket is to be.
    ///   - environment: Its variables.
    ///   - standardOutput: The number of what its workers write to; nil for this process's own.
    /// - Throws: What the start of a process says.
    init(
        _ options: [String],
        command: [String],
        socket: String,
        environment: [String: String],
        standardOutput: CInt? = nil
    ) throws {
        process = try ChildProcess.spawn(
            SpawnPlan(
                path: "/proc/self/exe",
                arguments: ["maitred", "serve", "--control", socket] + options + ["--"] + command,
                environment: environment.map { "\($0.key)=\($0.value)" },
                descriptors: [],
                descriptorLimit: try DescriptorLimit.current(),
                standardOutput: standardOutput
            )
        )
        self.socket = socket
    }

    /// A conversation with it; nil once it has ended.
    ///
    /// - Throws: When it is there and cannot be spoken with.
    func conversation() throws -> Conversation? {
        let deadline = ContinuousClock.now + Self.patience
        while !Waiting.wait(for: [.readable(number)], within: Self.pause)[0] {
            if let connection = try? ControlConnection.connect(to: socket, within: .seconds(1)) {
                return Conversation(connection)
            }
            guard ContinuousClock.now < deadline else {
                throw CommandFailure.refused("the master that was started does not answer within \(Self.patience)")
            }
        }
        return nil
    }

    deinit {
        try? stop()
    }

    /// Ends it, and waits.
    func stop() throws {
        guard isRunning else { return }
        isRunning = false
        process.signal(SIGTERM)
        guard Waiting.wait(for: [.readable(number)], within: Self.patience)[0] else {
            process.signal(SIGKILL)
            throw CommandFailure.refused("the master did not stop within \(Self.patience)")
        }
        _ = process.reap()
    }
}
