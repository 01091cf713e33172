// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredConsole
import MaitredControl
import MaitredMaster
import MaitredSupervise
import MaitredSystem

// One worker, started by a master of its own, looked at, and stopped again.
//
//      ChildMaster ──starts──> the program          events ──> TrialEvents ─┐
//          ^                        ^                                       ├──> StartFacts ──> Explanation
//          └── Ctrl-C, the end      └── /proc, every few moments ───────────┘
//
// The start timeout is kept here, not by the master: the last look must come before the kill.

/// The trial of a program.
struct WorkerTrial: ~Copyable {
    /// Between two looks at the processes of a program that is starting, which may end at any moment.
    private static let lookInterval = Duration.milliseconds(50)
    /// How long a test connection may wait until it is taken.
    private static let connectionPatience = Duration.seconds(5)

    private let configuration: Configuration
    private let owner: WorkerOwner?
    private let directory: PrivateDirectory
    private let signals: SignalDescriptor
    private let master: ChildMaster

    private var heard = TrialEvents()
    private var looks: [ProcessLook] = []
    private var hasAttached = false
    private var taken: [String: Double] = [:]

    /// Starts a master with one worker.
    ///
    /// - Parameters:
    ///   - configuration: What was resolved.
    ///   - flags: What it was resolved from, besides the environment.
    /// - Throws: What the start of a process says.
    init(_ configuration: Configuration, flags: [RawSetting]) throws {
        let directory = try PrivateDirectory()
        // From here on Ctrl-C is an event: the master has a group of its own and does not hear it.
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
        let foreign = ["LISTEN_", "WATCHDOG_", "NOTIFY_SOCKET", "JOURNAL_STREAM"]
        master = try ChildMaster(
            flags.flatMap { $0.setting.takesValue ? [$0.setting.flag, $0.text] : [$0.setting.flag] } + Self.options,
            command: configuration.command,
            socket: directory.socket,
            environment: ProcessEnvironment.variables().filter { variable in
                !foreign.contains { variable.key.hasPrefix($0) }
            },
            standardOutput: STDERR_FILENO
        )
        self.configuration = configuration
        self.directory = directory
        self.signals = signals
        owner = WorkerOwner(configuration)
    }

    /// One try, no hurry, and a stop that does not keep anybody waiting.
    private static let options = [
        "--start-timeout", "1h", "--max-restarts", "10", "--restart-delay", "30s", "--drain-timeout", "1s",
        "--kill-timeout", "2s", "--log-level", "error", "--status-interval", "off", "--control-group", "none",
    ]

    /// Waits for what becomes of it, and stops it.
    ///
    /// - Throws: `ExitCode` after Ctrl-C, and what keeps a master from starting.
    /// - Returns: What was found.
    consuming func run() throws -> Explanation {
        // A master that has ended has said why.
        guard var events = try master.conversation() else { throw ExitCode(Failure.failed) }
        var request = ControlRequest(.events)
        request.since = ChildMaster.patience / .seconds(1) * 2
        _ = try events.ask(request)
        try watch(&events)
        // Opened when there is something to ask: the master has no patience with who says nothing.
        if heard.end == nil, var questions = try master.conversation() {
            if heard.readyAfter != nil { try connect(&events, &questions) }
            look()
            hasAttached = try questions.status().workers.contains { $0.processes > 0 }
        }
        let explanation = explanation()
        try master.stop()
        return explanation
    }

    // MARK: - The start

    /// Until the worker is ready, has ended, or its time has passed.
    private mutating func watch(_ events: inout Conversation) throws {
        var deadline: ContinuousClock.Instant?
        while heard.readyAfter == nil, heard.end == nil {
            try hear(&events, within: Self.lookInterval)
            guard heard.hasStarted else { continue }
            let end = deadline ?? ContinuousClock.now + configuration.startTimeout
            deadline = end
            if ContinuousClock.now >= end { return }
            if heard.end == nil { look() }
        }
    }

    /// Takes what the master has said, and waits for more when that is nothing.
    private mutating func hear(_ events: inout Conversation, within limit: Duration) throws {
        var isWaiting = true
        while true {
            switch try events.nextLine(within: .zero) {
            case .line(let line):
                try heard.take(line)
                isWaiting = false
            case .ended: throw CommandFailure.refused("the master that was started has ended")
            case .timedOut:
                guard isWaiting else { return }
                isWaiting = false
                let ready = Waiting.wait(
                    for: [.readable(events.number), .readable(signals.descriptor.number)],
                    within: limit
                )
                if ready[1], let signal = signals.next() {
                    try master.stop()
                    throw ExitCode(128 + signal)
                }
                if !ready[0] { return }
            }
        }
    }

    /// Looks at the processes; what was seen last stays when there are none any more.
    private mutating func look() {
        let family = ProcessFiles.family(of: master.pid).dropFirst()
        guard let owner, !family.isEmpty else { return }
        let seen = WorkerLooks.looks(at: Array(family), owner: owner)
        if !seen.isEmpty { looks = seen }
    }

    // MARK: - The test connections

    /// Connects to each address, and waits until the worker has taken that.
    private mutating func connect(_ events: inout Conversation, _ questions: inout Conversation) throws {
        for address in heard.addresses {
            let before = try questions.status().connections.taken
            let begun = ContinuousClock.now
            let client = try ClientSocket.connect(
                to: SocketAddress(ListenSpecification(address)),
                within: Self.connectionPatience
            )
            while heard.end == nil {
                if try questions.status().connections.taken > before {
                    taken[address] = (ContinuousClock.now - begun) / .seconds(1)
                    break
                }
                if ContinuousClock.now - begun >= Self.connectionPatience { break }
                try hear(&events, within: .milliseconds(1))
            }
            _ = consume client
        }
    }

    // MARK: - The verdict

    private func explanation() -> Explanation {
        var result = Explanation()
        result.command = configuration.command
        result.listeners = heard.addresses.map { Explanation.Listener(address: $0, takenAfter: taken[$0]) }
        result.processes = looks.map {
            Explanation.Process(pid: Int($0.pid), command: $0.command, hasLibrary: $0.hasLibrary)
        }
        for place in looks.flatMap(\.places) where !result.ownListeners.contains(place.address) {
            result.ownListeners.append(place.address)
        }
        result.listenedAfter = heard.listenedAfter
        result.readyAfter = heard.readyAfter
        result.startTimeout = configuration.startTimeout / .seconds(1)
        if heard.end?.after != nil {
            result.exit = heard.end?.words
            result.exitedAfter = heard.end?.after
        }
        if heard.readyAfter == nil { explainFailure(&result) } else { explainReady(&result) }
        return result
    }

    private func explainReady(_ result: inout Explanation) {
        result.fedBy = heard.listenedAfter == nil ? .sdk : .library
        if let end = heard.end {
            result.cause = "exited"
            result.reason = "it was ready, and ended: \(end.words)"
            result.advice = ["see what it wrote before it ended"]
        } else if let ignored = result.listeners.first(where: { $0.takenAfter == nil }) {
            result.cause = StartProblem.takesNothing.name
            result.reason = "it was ready, and did not take a test connection to \(ignored.address)"
            result.advice = ["have it listen and accept there too, or leave out --listen \(ignored.address)"]
        } else {
            result.canBeWorker = true
            result.advice = result.ownListeners.map { "of several workers only one can listen on \($0) by itself" }
        }
    }

    private func explainFailure(_ result: inout Explanation) {
        let ports = heard.addresses.compactMap { $0.split(separator: ":").last.flatMap { UInt16($0) } }
        let program = WorkerProgram.find(configuration, environment: ProcessEnvironment.variables())
        var facts = StartFacts(configuration, program, ports: ports)
        facts.hasListened = heard.listenedAfter != nil
        facts.hasAttached = hasAttached
        facts.hasEnded = heard.end != nil
        facts.hasLeftProcesses = heard.end?.cause == StartProblem.daemonised.name
        facts.processes = looks
        if let end = heard.end, end.after == nil {
            (result.cause, result.reason) = (end.cause, end.reason)
            result.advice = ["see that its file can be run here, by the user that it is to run as"]
        } else if let problem = facts.problem, heard.end?.isSignal != true || facts.hasListened {
            (result.cause, result.reason, result.advice) = (problem.name, problem.clause, problem.advice)
        } else {
            (result.cause, result.reason) = ("exited", "it ended before it was ready")
            result.advice = ["see what it wrote before it ended"]
        }
    }
}
