// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance

/// Everything that a master can be told.
///
/// The defaults stand here and nowhere else; `Setting.all` says how each is called, read and checked. What
/// `Configuration.resolve` returns is checked; a program that fills in its own finds its mistakes with `check()`.
public struct Configuration: Equatable, Sendable {
    /// The numbers of workers that can be asked for: more than 512 have not been measured.
    public static let workersRange = 1...512

    // MARK: Listening

    /// The sockets to open, in order; empty if none was given, because systemd may have opened them.
    public var listen: [ListenSpecification] = []

    // MARK: Workers

    /// How many workers run: 1 to 512.
    public var workers: Int
    /// The words of the command that every worker runs; never empty once resolved.
    public var command: [String] = []
    /// Variables that only the workers get, in order; by default none.
    ///
    /// From the configuration file these are the keys that are no settings.
    public var workerEnvironment: [EnvironmentVariable] = []
    /// The limit on open files of a worker, 64 to 1,048,576; `nil`, the default, is the limit that the master was
    /// started with.
    public var workerNofile: Int?
    /// The user that workers run as, which only root can choose; `nil`, the default, is the master's own.
    public var workerUser: String?
    /// Failed starts in a row after which a slot is given up: 1 to 1,000; 10 by default.
    public var maxRestarts = 10
    /// What tells a worker that it drains; `nil`, the default, sends no signal.
    public var drainSignal: SignalName?
    /// What asks a worker to stop once it has drained: SIGTERM by default.
    public var stopSignal = SignalName.terminate
    /// What makes a worker that hangs tell where, before it is killed: SIGABRT by default, `nil` sends nothing.
    public var dumpSignal: SignalName? = .abort

    // MARK: Choosing

    /// How the worker for a connection is chosen, or that the operating system does: round-robin by default.
    public var strategy = Distribution.chosen(by: .roundRobin)
    /// Connections that may wait for one worker, in all its channels together, not yet taken by it: 1 to 64; 16 by
    /// default.
    public var queueDepth = 16
    /// Connections that one worker may have open, 1 to 1,000,000; `nil`, the default, is no limit.
    public var maxConnections: Int?

    // MARK: Limits

    /// Bytes of memory above which a worker is warned about and left alone by the strategy least-memory: 1 MB to 16 TB,
    /// 500 MB by default; `nil` is no threshold.
    public var maxMemory: Int? = 500_000_000
    /// Bytes of memory above which a worker is killed: 1 MB to 16 TB; `nil`, the default, is no limit.
    public var memoryLimit: Int?
    /// Percent of one processor above which a worker is warned about: 1 to 10,000, 80 by default; `nil` is no
    /// threshold.
    public var maxCPU: Int? = 80
    /// Which thresholds have a worker replaced: none by default.
    public var recycle = RecyclePolicy.never
    /// How long a worker may live until it is replaced: 1 s to 8,760 h; `nil`, the default, is for ever.
    public var maxAge: Duration?
    /// Requests that a worker may have served until it is replaced: 1 to 1,000,000,000; `nil`, the default, is any
    /// number.
    public var maxRequests: Int?

    /// Whether workers get the library that answers `bind`, `listen` and `accept` of programs that know nothing of
    /// maitred: true by default.
    ///
    /// It changes nothing for programs on an SDK.
    public var usesPreload = true

    /// Ports that mean a listener when a program that knows nothing of maitred binds them, besides the listeners' own;
    /// `nil`, the default: none.
    public var appPort: AppPort?

    // MARK: Timeouts

    /// How long a worker may leave a waiting connection untaken before others get it: 1 ms to 1 h, 100 ms by default.
    public var stallTimeout = Duration.milliseconds(100)
    /// How long any worker may stand still before it is killed, 100 ms to 24 h.
    ///
    /// `nil`, the default, means `heartbeatTimeout`, and that only for workers that send heartbeats: of others nobody
    /// can tell whether they hang or have a lot to do. See `hangTimeout(hasHeartbeat:)`.
    public var hangTimeout: Duration?
    /// How long a worker may take from its start until it is ready: 100 ms to 1 h, 30 s by default.
    public var startTimeout = Duration.seconds(30)
    /// How long a worker must have been ready for its exit not to count as a failed start: 0 to 1 h, 1 s by default.
    public var minUptime = Duration.seconds(1)
    /// The pause before the first restart after a failed start; the following ones grow by half each: 10 ms to 30 s,
    /// 1 s by default.
    public var restartDelay = Duration.seconds(1)
    /// How long a draining worker may go on with open connections: 0 to 24 h, 10 s by default.
    public var drainTimeout = Duration.seconds(10)
    /// How long a worker may live on after the stop signal before it is killed: 0 to 1 h, 10 s by default.
    public var killTimeout = Duration.seconds(10)
    /// The pause between the steps of a rolling reload: 0 to 1 h, 0 by default.
    public var spread = Duration.zero

    // MARK: Control

    /// Where commands such as `maitred status` reach the master.
    public var control = ControlLocation.automatic
    /// The group whose members may use the control socket too, besides root and the master's own user; `nil`, the
    /// default, is none.
    public var controlGroup: String?
    /// What the service is called, 1 to 64 letters, digits or `.` `_` `-`; `nil`, the default, leaves it to the command.
    ///
    /// See `serviceName`.
    public var name: String?

    // MARK: Logging

    /// The least important messages that are logged: info by default.
    public var logLevel = LogLevel.info
    /// How often a line with the state of all workers is logged: 1 s to 24 h; zero, the default, is never.
    public var statusInterval = Duration.zero
    /// Whether what workers write to a terminal gets `worker 3 |` before each line: true by default.
    public var isOutputPrefixed = true

    /// The defaults, with what has none.
    ///
    /// - Parameters:
    ///   - listen: The sockets to open; none if systemd has opened them.
    ///   - command: The words of the command that every worker runs.
    ///   - workers: How many workers run.
    public init(listen: [ListenSpecification], command: [String], workers: Int) {
        self.listen = listen
        self.command = command
        self.workers = workers
    }

    /// The defaults.
    ///
    /// - Parameter processors: processors that maitred may use, which is the default number of workers.
    package init(processors: Int) {
        workers = Self.workers(for: processors)
    }

    /// What `auto` means: a worker per processor, within the range.
    static func workers(for processors: Int) -> Int {
        min(max(processors, workersRange.lowerBound), workersRange.upperBound)
    }
}

// MARK: - What follows from it

extension Configuration {
    /// How long a worker that sends heartbeats may miss them, unless `hangTimeout` says something else.
    public static let heartbeatTimeout = Duration.seconds(30)

    /// How long a worker may stand still before it is killed.
    ///
    /// - Parameter hasHeartbeat: Whether the worker has ever sent a heartbeat.
    /// - Returns: The time; `nil` is for ever.
    public func hangTimeout(hasHeartbeat: Bool) -> Duration? {
        hangTimeout ?? (hasHeartbeat ? Self.heartbeatTimeout : nil)
    }

    /// What the service is called: the name that was given, or else the base name of the command.
    ///
    /// In the latter whatever cannot stand in a name is a dash.
    public var serviceName: String {
        name ?? MaitredConfig.serviceName(ofCommand: command.first ?? "")
    }
}
