// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

/// The control socket of a master under test: asks as its commands do, and with those commands.
struct ServiceControl: Sendable {
    /// The socket's path.
    let path: String

    /// In a test's directory.
    init(in directory: String) {
        path = "\(directory)/control.sock"
    }

    /// Runs `maitred COMMAND … --control PATH` to its end.
    @discardableResult
    func run(_ words: String...) throws -> Command {
        try run(words)
    }

    /// The same for words in an array.
    @discardableResult
    func run(_ words: [String], within limit: Duration = .seconds(60)) throws -> Command {
        let program = try Program(ProgramPath.built("maitred"), words + ["--control", path])
        let status = try program.waitExit(within: limit)
        return Command(status: status, output: program.outputLines, errors: program.errorLines)
    }

    /// Starts `maitred events --json`, from the first event that the master still has.
    func events() throws -> EventFeed {
        try EventFeed(Program(ProgramPath.built("maitred"), ["events", "--json", "--since", "1h", "--control", path]))
    }

    /// What the master says of itself, over a connection of its own.
    func status() throws -> StatusReport {
        let reply = try ask(ControlRequest(.status))
        guard let report = reply.status else { throw TestFailure("no status in \(reply)") }
        return report
    }

    /// Asks the master, over a connection of its own, and returns its first answer.
    func ask(_ request: ControlRequest) throws -> ControlReply {
        var connection = try ControlConnection.connect(to: path)
        try connection.send(ControlJSON.line(request))
        guard case .line(let line) = try connection.nextLine(within: .seconds(10)) else {
            throw TestFailure("the master did not answer")
        }
        return try ControlJSON.decode(ControlReply.self, from: line)
    }

    /// Waits for a state of the master, and returns it.
    @discardableResult
    func waitForStatus(
        within limit: Duration = .seconds(10),
        where isReached: (StatusReport) -> Bool
    ) throws -> StatusReport {
        var report = StatusReport()
        let isThere = try eventually(within: limit) {
            report = try status()
            return isReached(report)
        }
        if isThere { return report }
        throw TestFailure("not in \(limit); the status is \(report)")
    }

    /// Waits until every connection that was accepted is accounted for, and returns the counts.
    ///
    /// A worker that has just been handed or has just taken one is in the middle of saying so.
    func settledConnections() throws -> ConnectionReport {
        try waitForStatus { report in
            let counts = report.connections
            return counts.queued == 0 && counts.handed == counts.taken + counts.takenBack + counts.lost
        }.connections
    }

    /// How a command ended.
    struct Command {
        let status: MaitredSystem.ExitStatus
        let output: [String]
        let errors: [String]
    }
}

/// What a master says that happens, as `maitred events --json` prints it.
struct EventFeed {
    private let program: Program

    fileprivate init(_ program: Program) {
        self.program = program
    }

    /// Everything so far.
    func all() throws -> [HeardEvent] {
        try program.outputLines.map { try ControlJSON.decode(HeardEvent.self, from: Array($0.utf8)) }
    }

    /// The first events of a name, waited for until there are as many.
    @discardableResult
    func wait(
        for name: String,
        count: Int = 1,
        within limit: Duration = .seconds(20)
    ) throws -> [HeardEvent] {
        let lines = try program.waitForLines(count, containing: #""event":"\#(name)""#, within: limit)
        return try lines.map { try ControlJSON.decode(HeardEvent.self, from: Array($0.utf8)) }
    }
}

/// One event: the facts that tests ask for.
struct HeardEvent: Decodable, Sendable {
    let sequence: Int
    let time: String
    let event: String
    let level: String
    let message: String
    let worker: Int?
    let slot: Int?
    let generation: Int?
    let failures: Int?

    /// Milliseconds of its day.
    var milliseconds: Int? {
        // 2026-01-31T12:34:56.789+00:00
        guard let clock = time.split(separator: "T").last?.prefix(12) else { return nil }
        let parts = clock.split { $0 == ":" || $0 == "." }.compactMap { Int($0) }
        return parts.count == 4 ? ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000 + parts[3] : nil
    }
}

extension [HeardEvent] {
    /// The fewest workers ready at once, busy or not, from the moment at which the wanted number was first reached.
    func fewestReady(of wanted: Int) -> Int {
        var ready: Set<Int> = []
        var fewest: Int?
        for event in self {
            guard let worker = event.worker else { continue }
            switch event.event {
            case "worker-ready": ready.insert(worker)
            case "worker-draining", "worker-exited": ready.remove(worker)
            default: continue
            }
            if fewest != nil || ready.count == wanted { fewest = Swift.min(fewest ?? wanted, ready.count) }
        }
        return fewest ?? 0
    }
}
