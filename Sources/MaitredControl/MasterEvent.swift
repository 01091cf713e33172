// SPDX-License-Identifier: Apache-2.0

/// What happens to a master as a whole.
public enum MasterEvent: Sendable, Equatable {
    /// It listens, and begins to start workers.
    case started(workers: Int, strategy: String, command: String)
    /// A listener is open.
    case listening(index: Int, address: String, name: String)
    /// The program of its workers will hardly be one, as its files tell.
    case programUnfit(path: String, problem: String)
    /// The first worker is ready: it serves.
    case serving
    /// The kernel had no descriptors or memory for a connection, which waits in the backlog.
    case acceptPaused(reason: String, pause: Duration)
    /// Connections are given to workers by another strategy.
    case strategyChanged(from: String, to: String)
    /// The number of workers wanted has changed.
    case scaled(from: Int, to: Int)
    /// This process or the whole machine stood still: no worker is to blame, and their clocks begin anew.
    case frozen(for: Duration)
    /// The state of everything, once per status interval.
    case metrics(ready: Int, workers: Int, open: Int, queued: Int, accepted: Int, takenBack: Int)
    /// A client of the control socket was not let in, or was dropped.
    case clientDropped(pid: Int, user: Int, reason: String)
    /// Something failed that only a kernel without memory refuses.
    case problem(String)
    /// It was told to stop, or cannot go on.
    case stopping(reason: String, open: Int, queued: Int)
    /// Connections are open that it lets end before it stops, for that long at most.
    case waitingForConnections(reason: String, open: Int, limit: Duration)
    /// It was told so again: the next step comes at once.
    case hurried(reason: String)
    /// Nothing can be served any more.
    case gaveUp(reason: String)
    /// Every worker is gone.
    case stopped(status: Int)

    var details: EventDetails {
        switch self {
        case .started(let workers, let strategy, let command):
            EventDetails(
                "master-started",
                .info,
                "starting \(counted(workers, "worker")) of \(command)",
                [.whole("workers", workers), .text("strategy", strategy), .text("command", command)]
            )
        case .listening(let index, let address, let name):
            EventDetails(
                "listening",
                .notice,
                "listening on \(address)",
                [.whole("listener", index), .text("address", address), .text("name", name)]
            )
        case .serving: EventDetails("serving", .notice, "serving")
        case .acceptPaused(let reason, let pause):
            EventDetails(
                "accept-paused",
                .warning,
                "cannot accept: \(reason); trying again in \(pause.shortText)",
                [.text("reason", reason), .seconds("pause", pause)]
            )
        case .strategyChanged(let old, let new):
            EventDetails(
                "strategy-changed",
                .notice,
                "strategy changed from \(old) to \(new)",
                [.text("from", old), .text("to", new)]
            )
        case .scaled(let old, let new):
            EventDetails(
                "scaled",
                .notice,
                "scaled from \(old) to \(new) workers",
                [.whole("from", old), .whole("to", new)]
            )
        case .frozen(let duration):
            EventDetails(
                "frozen",
                .debug,
                "stood still for \(duration.shortText): the workers' clocks begin anew",
                [.seconds("duration", duration)]
            )
        case .programUnfit, .clientDropped, .problem, .metrics, .stopping, .waitingForConnections, .hurried, .gaveUp,
            .stopped:
            laterDetails
        }
    }

    private var laterDetails: EventDetails {
        switch self {
        case .programUnfit(let path, let problem):
            EventDetails("program-unfit", .warning, problem, [.text("program", path)])
        case .metrics(let ready, let workers, let open, let queued, let accepted, let takenBack):
            EventDetails(
                "metrics",
                .info,
                "status: \(ready) of \(workers) workers ready, \(open) connections open",
                [
                    .whole("ready", ready), .whole("workers", workers), .whole("open", open), .whole("queued", queued),
                    .whole("accepted", accepted), .whole("takenBack", takenBack),
                ]
            )
        case .clientDropped(let pid, let user, let reason):
            EventDetails(
                "client-dropped",
                .notice,
                "client of the control socket dropped: \(reason)",
                [.whole("pid", pid), .whole("user", user), .text("reason", reason)]
            )
        case .problem(let problem): EventDetails("problem", .error, problem)
        case .stopping(let reason, let open, let queued):
            EventDetails(
                "stopping",
                .notice,
                "\(reason): stopping",
                [.text("reason", reason), .whole("open", open), .whole("queued", queued)]
            )
        case .waitingForConnections(let reason, let open, let limit):
            EventDetails(
                "waiting-for-connections",
                .notice,
                "waiting for \(counted(open, "connection")) to end, \(limit.shortText) at most; "
                    + "a second \(reason) stops the workers at once",
                [.text("reason", reason), .whole("open", open), .seconds("limit", limit)]
            )
        case .hurried(let reason):
            EventDetails(
                "hurried",
                .notice,
                "\(reason) again: workers get the stop signal now, or SIGKILL if they have had it",
                [.text("reason", reason)]
            )
        case .gaveUp(let reason): EventDetails("gave-up", .critical, reason)
        case .stopped(let status): EventDetails("stopped", .notice, "stopped", [.whole("exit", status)])
        default: preconditionFailure("details has the others")
        }
    }
}
