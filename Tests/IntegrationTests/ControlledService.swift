// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

/// A master under test with a control socket of its own, and everything that it says there.
final class ControlledService {
    /// The master and its workers.
    let service: Service

    /// The control socket.
    let path: String

    /// What happens, from the master's start on.
    let events: EventStream

    /// Starts a master with its socket in a directory; the other parameters are those of `Service`.
    init(
        in directory: String,
        workers: Int = 4,
        _ options: [String] = [],
        worker: [String]? = nil,
        ready: Int? = nil,
        environment: [String: String] = [:]
    ) throws {
        path = "\(directory)/control.sock"
        service = try Service(
            workers: workers,
            options,
            worker: worker,
            control: path,
            ready: ready,
            environment: environment
        )
        events = try EventStream(path)
    }

    /// Where the first listener is.
    var address: TestAddress { service.address }

    /// How a command ended.
    struct Answer {
        /// Its exit status, nil when a signal ended it.
        let code: Int32?
        let output: [String]
        let errors: [String]
    }

    /// Runs a command of `maitred` to its end.
    @discardableResult
    func run(_ arguments: String..., within limit: Duration = .seconds(20)) throws -> Answer {
        let program = try start(arguments)
        let code: Int32? =
            if case .exited(let code) = try program.waitExit(within: limit) { code } else { nil }
        return Answer(code: code, output: program.outputLines, errors: program.errorLines)
    }

    /// Starts a command of `maitred`.
    func start(_ arguments: [String]) throws -> Program {
        try Program(ProgramPath.built("maitred"), arguments + ["--control", path])
    }

    /// `status --json`, as it is now.
    func status() throws -> JSONValue {
        let answer = try run("status", "--json")
        #expect(answer.code == 0, "\(answer)")
        return try JSONValue(answer.output.joined(separator: "\n"))
    }

    /// A worker in `status --json`, nil when there is none of that number.
    func worker(_ id: Int) throws -> JSONValue? {
        try status()["workers"]?.elements.first { $0["id"]?.whole == id }
    }

    /// Stops the master in the ordinary way.
    func stop(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try service.stop(sourceLocation: sourceLocation)
    }
}

/// Runs a body with a master of its own and the directory of its control socket, and removes the directory afterwards.
func withControlled(
    workers: Int = 4,
    _ options: [String] = [],
    worker: [String]? = nil,
    ready: Int? = nil,
    environment: [String: String] = [:],
    _ body: (ControlledService) throws -> Void
) throws {
    try withTemporaryDirectory { directory in
        // Other users may try the socket, which has a mode of its own.
        chmod(directory, 0o755)
        let service = try ControlledService(
            in: directory,
            workers: workers,
            options,
            worker: worker,
            ready: ready,
            environment: environment
        )
        try body(service)
    }
}

/// Sends SIGSTOP to a process and waits until none of its threads runs: it may take something until then.
func standStill(_ pid: Int32) throws(TestFailure) {
    kill(pid, SIGSTOP)
    let isStill = eventually {
        directoryEntries("/proc/\(pid)/task").allSatisfy { thread in
            readFile("/proc/\(pid)/task/\(thread)/stat")?.contains(") T ") ?? true
        }
    }
    if !isStill { throw TestFailure("process \(pid) does not stop") }
}

/// One event, as `maitred events --json` prints it.
struct TestEvent {
    let json: JSONValue

    var name: String { json["event"]?.text ?? "" }
    var sequence: Int { json["sequence"]?.whole ?? 0 }
    var message: String { json["message"]?.text ?? "" }
    var worker: Int? { json["worker"]?.whole }
    var slot: Int? { json["slot"]?.whole }

    /// A fact of it that is a number.
    func number(_ name: String) -> Double? { json[name]?.number }

    /// A fact of it that is a string.
    func text(_ name: String) -> String? { json[name]?.text }
}

/// A `maitred events --json` that runs beside a test.
final class EventStream {
    /// The command.
    let program: Program
    private var parsed: [TestEvent] = []

    /// Subscribes, to what has happened in the last hour as well unless said otherwise.
    init(_ path: String, since: String? = "1h", count: Int? = nil) throws {
        program = try Program(
            ProgramPath.built("maitred"),
            ["events", "--json", "--control", path] + (since.map { ["--since", $0] } ?? [])
                + (count.map { ["--count", "\($0)"] } ?? [])
        )
    }

    /// Everything so far.
    func all() throws -> [TestEvent] {
        for line in program.outputLines.dropFirst(parsed.count) {
            parsed.append(TestEvent(json: try JSONValue(line)))
        }
        return parsed
    }

    /// Those of a name so far.
    func all(_ name: String, worker: Int? = nil) throws -> [TestEvent] {
        try all().filter { $0.name == name && (worker == nil || $0.worker == worker) }
    }

    /// Waits for the first event of a name, or the one that is the `count`th.
    @discardableResult
    func wait(
        for name: String,
        worker: Int? = nil,
        count: Int = 1,
        within limit: Duration = .seconds(10)
    ) throws -> TestEvent {
        var found: [TestEvent] = []
        let isThere = try eventually(within: limit) {
            found = try all(name, worker: worker)
            return found.count >= count
        }
        if isThere { return found[count - 1] }
        let lines = program.lines.suffix(60).joined(separator: "\n")
        throw TestFailure("no \(count) \(name) in \(limit); there were:\n\(lines)")
    }

    /// Checks that nothing of these names comes for a while.
    func expectNone(_ names: String..., for time: Duration, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let isThere = try eventually(within: time) { try all().contains { names.contains($0.name) } }
        let found = try all().filter { names.contains($0.name) }.map(\.message)
        #expect(!isThere, "\(found)", sourceLocation: sourceLocation)
    }
}
