// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem

/// A program under test: started in a process group of its own, its output collected, and gone with the object.
///
/// What it starts is marked by a variable in its environment, so that `stop()` finds every process of it, whoever adopted
/// it and whatever group it is in.
package final class Program: Sendable {
    /// Process id, and its group's.
    package let pid: Int32

    private let mark: String
    private let transcript: Transcript
    private let status = Guarded<ExitStatus?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - path: File to execute, with its directory.
    ///   - environment: Set on top of this process's own, from which what means something to a master, a worker or a
    ///     service manager's child is removed.
    ///   - descriptors: What the program gets as 3, 4, 5 … Everything else is closed in it.
    package init(
        _ path: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        descriptors: [Int32] = []
    ) throws(TestFailure) {
        let output = try Pipe()
        let errors = try Pipe()
        mark = "TEST_RUN=\(getpid()).\(UInt64.random(in: 0 ... .max))"
        pid = try Self.spawn(
            path,
            [path] + arguments,
            Self.environment(adding: environment) + [mark],
            [output.writing.number, errors.writing.number] + descriptors
        )
        transcript = Transcript(output.takeReading(), errors.takeReading())
    }

    deinit {
        stop()
    }

    // MARK: - Output

    /// Every whole line so far, of both streams, in the order in which they were read.
    package var lines: [String] { transcript.lines(of: nil) }

    /// Every whole line of the standard output so far.
    package var outputLines: [String] { transcript.lines(of: .output) }

    /// Every whole line of the standard error so far.
    package var errorLines: [String] { transcript.lines(of: .errors) }

    /// The first line that contains a text, waited for.
    ///
    /// - Throws: When the time has passed or the program ended without it; the failure shows what there was.
    @discardableResult
    package func waitForLine(
        containing text: String,
        within limit: Duration = .seconds(10)
    ) throws(TestFailure) -> String {
        try waitForLines(1, containing: text, within: limit)[0]
    }

    /// The first lines that contain a text, waited for until there are as many.
    @discardableResult
    package func waitForLines(
        _ count: Int,
        containing text: String,
        within limit: Duration = .seconds(10)
    ) throws(TestFailure) -> [String] {
        var found: [String] = []
        let isThere = eventually(within: limit) {
            found = lines.filter { $0.contains(text) }
            return found.count >= count || hasEnded && transcript.isDrained
        }
        found = lines.filter { $0.contains(text) }
        if found.count >= count { return Array(found.prefix(count)) }
        let why = isThere ? "before the program ended" : "in \(limit)"
        throw TestFailure("no \(count) lines with '\(text)' \(why); there were:\n\(lines.joined(separator: "\n"))")
    }

    // MARK: - Process

    /// Sends a signal to the process itself.
    package func signal(_ signal: Int32) {
        // The number is ours until the result is taken.
        status.withLock { if $0 == nil { kill(pid, signal) } }
    }

    /// Whether the process has ended.
    package var hasEnded: Bool { exitStatus != nil }

    /// How it ended, nil while it runs.
    package var exitStatus: ExitStatus? {
        status.withLock { status in
            if status == nil { status = Self.reap(pid, WNOHANG) }
            return status
        }
    }

    /// Waits for the end of the process, and for the output it left.
    package func waitExit(within limit: Duration = .seconds(10)) throws(TestFailure) -> ExitStatus {
        var found: ExitStatus?
        _ = eventually(within: limit) {
            found = exitStatus
            return found != nil && transcript.isDrained
        }
        if let found { return found }
        throw TestFailure("process \(pid) runs after \(limit); there was:\n\(lines.joined(separator: "\n"))")
    }

    /// The living processes that the program started, directly or not.
    package var descendants: [Int32] { processes(startedWith: mark).filter { $0 != pid } }

    /// Kills the program and everything it started, and waits until all of it is gone.
    package func stop() {
        // Stopped first: a supervisor that sees its children die starts new ones.
        signal(SIGSTOP)
        let isGone = eventually(within: .seconds(10)) {
            let left = processes(startedWith: mark)
            for pid in left where pid != self.pid { kill(pid, SIGKILL) }
            signal(SIGKILL)
            return hasEnded && left.isEmpty
        }
        if !isGone { print("processes of \(mark) survived SIGKILL: \(processes(startedWith: mark))") }
    }

    private static func reap(_ pid: Int32, _ options: Int32) -> ExitStatus? {
        var raw: Int32 = 0
        let result = waitpid(pid, &raw, options)
        if result == 0 { return nil }
        if result < 0 { return errno == EINTR ? nil : .unknown }
        let signal = raw & 0x7f
        return signal == 0 ? .exited(code: raw >> 8 & 0xff) : .signaled(signal: signal)
    }

    private static func environment(adding extra: [String: String]) -> [String] {
        var variables: [String: String] = [:]
        var next = environ
        while let line = next.pointee {
            let parts = String(cString: line).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        let foreign = ["MAITRED_", "LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_", "JOURNAL_STREAM", "SWIFT_TESTING_"]
        variables = variables.filter { variable in !foreign.contains { variable.key.hasPrefix($0) } }
        return variables.merging(extra) { $1 }.map { "\($0.key)=\($0.value)" }
    }

    /// posix_spawn(3) with `descriptors` as 1, 2, 3 …, /dev/null as 0, and nothing else.
    private static func spawn(
        _ path: String,
        _ arguments: [String],
        _ environment: [String],
        _ descriptors: [Int32]
    ) throws(TestFailure) -> Int32 {
        // Whatever the test runner has open ends at the exec; dup2(2) clears the flag on the targets.
        _ = maitred_linux_close_on_exec_from(3)
        // Out of the way of the targets, so that no step destroys a later source.
        let raised = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, Int32(descriptors.count) + 1) }
        defer { for number in raised { close(number) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (index, number) in raised.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, number, Int32(index) + 1)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let texts = (arguments + environment).map { strdup($0) }
        defer { for text in texts { free(text) } }
        var pid: Int32 = 0
        let result = posix_spawn(
            &pid,
            path,
            &actions,
            &attributes,
            Array(texts[..<arguments.count]) + [nil],
            Array(texts[arguments.count...]) + [nil]
        )
        guard result == 0 else { throw TestFailure("cannot run \(path)", errno: result) }
        return pid
    }
}
