// SPDX-License-Identifier: Apache-2.0

/// What happens to one worker.
public enum WorkerEvent: Sendable, Equatable {
    /// Its process was started.
    case started
    /// Its program listens; whether it takes connections too is found out.
    case listens(after: Duration)
    /// It takes connections.
    case ready(after: Duration)
    /// Its program has not opened a listener, and no other worker's has: clients wait there.
    case ignores(listener: String)
    /// It did not become ready in time and was killed.
    case startTimedOut(after: Duration, problem: StartFailure?)
    /// It takes nothing: it is out of the rotation, and its queue goes to others.
    case busy(queued: Int, for: Duration)
    /// It takes again.
    case back(busyFor: Duration)
    /// Its own loop has not turned for the hang timeout: it gets the dump signal, and SIGKILL if it goes on like this.
    case hung(silentFor: Duration, signal: String)
    /// It got SIGKILL.
    case killed(reason: String)
    /// It leaves the rotation and finishes what it has.
    case draining(open: Int)
    /// It has no connection left, after so long.
    case drained(after: Duration)
    /// Its first process ended.
    case exited(WorkerExit)
    /// It left processes behind, which are told to stop.
    case leftProcesses
    /// It shut an end of a channel, which is not its to shut: it is replaced.
    case broken
    /// It sent a message.
    case message(bytes: Int)
    /// It uses more memory than `--max-memory`.
    case highMemory(bytes: Int, limit: Int)
    /// It uses less again.
    case normalMemory(bytes: Int)
    /// It uses more of a processor than `--max-cpu`.
    case highCPU(percent: Double, limit: Double)
    /// It uses less again.
    case normalCPU(percent: Double)
    /// It is about to be replaced, for its memory, its age or its requests.
    case recycling(reason: String)
    /// Its successor did not become ready: it stays.
    case replacementFailed(reason: String)
    /// It was taken out of the rotation by hand.
    case held
    /// It was put back.
    case released
    /// It breaks the rules of the control channel.
    case misbehaved(problem: String)
    /// What it does, once per status interval.
    case metrics(WorkerMetrics)

    func details(of worker: WorkerIdentity) -> EventDetails {
        let details = lifeDetails(worker.id) ?? healthDetails(worker.id) ?? otherDetails(worker.id)
        return EventDetails(details.name, details.level, details.message, worker.fields + details.fields)
    }
}

/// The likely reason why a worker did not become ready.
public struct StartFailure: Sendable, Equatable {
    /// A word that never changes its meaning: `static`, `listens-elsewhere` …; docs/CONTROL.md lists them.
    public let cause: String
    /// The same for a person, in a clause.
    public let reason: String

    /// Groups the two.
    public init(cause: String, reason: String) {
        self.cause = cause
        self.reason = reason
    }

    var fields: [EventField] { [.text("cause", cause), .text("reason", reason)] }
}

/// How a worker's first process ended.
public struct WorkerExit: Sendable, Equatable {
    /// Its exit status, nil when a signal ended it.
    public let code: Int?
    /// The number of the signal that ended it, nil when none did.
    public let signal: Int?
    /// That signal's name, as in SIGSEGV, if it has one.
    public let signalName: String?
    /// Whether the master had asked for it.
    public let wasAsked: Bool
    /// How long the worker had lived.
    public let uptime: Duration
    /// The likely reason, when it ended before it was ready and one is known.
    public let problem: StartFailure?

    /// Groups the six.
    public init(
        code: Int?,
        signal: Int?,
        signalName: String?,
        wasAsked: Bool,
        uptime: Duration,
        problem: StartFailure? = nil
    ) {
        self.code = code
        self.signal = signal
        self.signalName = signalName
        self.wasAsked = wasAsked
        self.uptime = uptime
        self.problem = problem
    }

    /// "exit code 1", "signal 11 (SIGSEGV)".
    package var words: String {
        if let code { return "exit code \(code)" }
        guard let signal else { return "unknown status" }
        return "signal \(signal)" + (signalName.map { " (\($0))" } ?? "")
    }
}

/// What a worker does, as counted.
public struct WorkerMetrics: Sendable, Equatable {
    /// Its state, as in `status`.
    public var state: String
    /// Connections it has or will take.
    public var open: Int
    /// Connections that wait in its channels.
    public var queued: Int
    /// Connections it took in its life.
    public var taken: Int
    /// Requests it answered.
    public var requests: Int
    /// Requests that failed.
    public var errors: Int
    /// Bytes of memory.
    public var memory: Int
    /// Processor time in percent of one, over the last second; nil until it is known.
    public var cpuPercent: Double?

    /// Groups the eight.
    public init(
        state: String,
        open: Int,
        queued: Int,
        taken: Int,
        requests: Int,
        errors: Int,
        memory: Int,
        cpuPercent: Double?
    ) {
        self.state = state
        self.open = open
        self.queued = queued
        self.taken = taken
        self.requests = requests
        self.errors = errors
        self.memory = memory
        self.cpuPercent = cpuPercent
    }
}

extension WorkerIdentity {
    var fields: [EventField] {
        [.whole("worker", id), .whole("slot", slot), .whole("generation", generation), .whole("pid", pid)]
    }
}

extension WorkerEvent {
    private func lifeDetails(_ id: Int) -> EventDetails? {
        switch self {
        case .started: EventDetails("worker-started", .info, "worker \(id) started")
        case .listens(let after):
            EventDetails("worker-listens", .debug, "worker \(id) listens", [.seconds("after", after)])
        case .ready(let after):
            EventDetails("worker-ready", .info, "worker \(id) ready", [.seconds("after", after)])
        case .startTimedOut(let after, let problem):
            EventDetails(
                "worker-start-timed-out",
                .error,
                "worker \(id) was not ready within \(after.shortText): killed"
                    + (problem.map { "; \($0.reason)" } ?? ""),
                [.seconds("after", after)] + (problem?.fields ?? [])
            )
        case .draining(let open):
            EventDetails("worker-draining", .info, "worker \(id) is draining", [.whole("open", open)])
        case .drained(let after):
            EventDetails("worker-drained", .info, "worker \(id) is drained", [.seconds("after", after)])
        case .exited(let exit):
            EventDetails(
                "worker-exited",
                exit.wasAsked ? .info : .warning,
                "worker \(id) exited: \(exit.words)" + (exit.problem.map { "; \($0.reason)" } ?? ""),
                exit.fields
            )
        case .leftProcesses:
            EventDetails("worker-left-processes", .info, "worker \(id) left processes behind: stopping them")
        default: nil
        }
    }

    private func healthDetails(_ id: Int) -> EventDetails? {
        switch self {
        case .busy(let queued, let duration):
            EventDetails(
                "worker-busy",
                .notice,
                "worker \(id) is busy: it takes nothing",
                [.whole("queued", queued), .seconds("for", duration)]
            )
        case .back(let duration):
            EventDetails("worker-back", .notice, "worker \(id) takes again", [.seconds("busyFor", duration)])
        case .hung(let duration, let signal):
            EventDetails(
                "worker-hung",
                .error,
                "worker \(id) hangs: silent for \(duration.shortText), gets \(signal)",
                [.seconds("silentFor", duration), .text("signal", signal)]
            )
        case .killed(let reason):
            EventDetails("worker-killed", .error, "worker \(id) killed: \(reason)", [.text("reason", reason)])
        case .highMemory(let bytes, let limit):
            EventDetails(
                "worker-high-memory",
                .warning,
                "worker \(id) uses \(megabytes(bytes)) of memory, more than \(megabytes(limit))",
                [.whole("memory", bytes), .whole("limit", limit)]
            )
        case .normalMemory(let bytes):
            EventDetails(
                "worker-normal-memory",
                .info,
                "worker \(id) uses \(megabytes(bytes)) of memory again",
                [.whole("memory", bytes)]
            )
        case .highCPU(let percent, let limit):
            EventDetails(
                "worker-high-cpu",
                .warning,
                "worker \(id) uses \(Int(percent)) % of a processor, more than \(Int(limit)) %",
                [EventField("cpuPercent", .decimal(percent)), EventField("limit", .decimal(limit))]
            )
        case .normalCPU(let percent):
            EventDetails(
                "worker-normal-cpu",
                .info,
                "worker \(id) uses \(Int(percent)) % of a processor again",
                [EventField("cpuPercent", .decimal(percent))]
            )
        default: nil
        }
    }

    private func otherDetails(_ id: Int) -> EventDetails {
        switch self {
        case .ignores(let listener):
            EventDetails(
                "worker-ignores",
                .warning,
                "worker \(id) does not listen on \(listener): clients wait there until some worker does",
                [.text("listener", listener)]
            )
        case .broken:
            EventDetails("worker-broken", .error, "worker \(id) shut its connection channel down: replacing it")
        case .message(let bytes):
            EventDetails("worker-message", .debug, "message from worker \(id)", [.whole("bytes", bytes)])
        case .recycling(let reason):
            EventDetails(
                "worker-recycling",
                .notice,
                "worker \(id) is being replaced: \(reason)",
                [.text("reason", reason)]
            )
        case .replacementFailed(let reason):
            EventDetails(
                "worker-replacement-failed",
                .error,
                "worker \(id) stays: \(reason)",
                [.text("reason", reason)]
            )
        case .held: EventDetails("worker-held", .notice, "worker \(id) is held: it gets no connections")
        case .released: EventDetails("worker-released", .notice, "worker \(id) is released")
        case .misbehaved(let problem):
            EventDetails("worker-misbehaved", .warning, "worker \(id) \(problem)", [.text("problem", problem)])
        case .metrics(let metrics):
            EventDetails("worker-metrics", .info, "status: worker \(id) \(metrics.state)", metrics.fields)
        default: preconditionFailure("the other two have the others")
        }
    }

    private func megabytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
}

extension WorkerExit {
    fileprivate var fields: [EventField] {
        var fields: [EventField] = []
        if let code { fields.append(.whole("code", code)) }
        if let signal { fields.append(.text("signal", signalName ?? "\(signal)")) }
        fields += [EventField("asked", .flag(wasAsked)), .seconds("uptime", uptime)]
        return fields + (problem?.fields ?? [])
    }
}

extension WorkerMetrics {
    fileprivate var fields: [EventField] {
        var fields: [EventField] = [
            .text("state", state), .whole("open", open), .whole("queued", queued), .whole("taken", taken),
            .whole("requests", requests), .whole("errors", errors), .whole("memory", memory),
        ]
        if let cpuPercent { fields.append(EventField("cpuPercent", .decimal(cpuPercent))) }
        return fields
    }
}
