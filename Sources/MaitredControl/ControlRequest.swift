// SPDX-License-Identifier: Apache-2.0

/// What a client of the control socket asks for: one JSON object on one line.
public struct ControlRequest: Codable, Sendable, Equatable {
    /// The version of the protocol this client speaks.
    public static let version = 1

    /// The things that can be asked for.
    public enum Command: String, Codable, Sendable, CaseIterable {
        /// A `StatusReport`.
        case status
        /// The stream of events, from `since` on.
        case events
        /// Replaces all workers one by one, after reading the configuration again.
        case reload
        /// Replaces one worker.
        case restart
        /// Lets one worker finish and stop; its slot gets another.
        case drain
        /// Takes one worker out of the rotation.
        case hold
        /// Puts it back.
        case release
        /// Changes the number of workers.
        case scale
        /// Changes the strategy.
        case strategy
        /// Stops the master.
        case stop
    }

    /// 1.
    public var version = Self.version
    /// What is asked for.
    public var command: Command
    /// The worker's number, for `restart`, `drain`, `hold` and `release`.
    public var worker: Int?
    /// The number of workers, for `scale`.
    public var count: Int?
    /// The name, for `strategy`.
    public var strategy: String?
    /// For `reload`, `restart`, `drain` and `scale`: answer when it is done instead of when it has begun.
    public var wait: Bool?
    /// For `events`: only those of the last so many seconds, before those that come; left out: only those that come.
    public var since: Double?

    /// A request without arguments.
    public init(_ command: Command) {
        self.command = command
    }
}

/// What the master answers: one JSON object on one line; to `events` a line for each event follows.
public struct ControlReply: Codable, Sendable, Equatable {
    /// The version of the protocol.
    public var version = ControlRequest.version
    /// Whether what was asked for was done, or has begun.
    public var ok: Bool
    /// False in lines that tell of progress, before the last.
    public var isFinal = true
    /// Why it was not done; one line.
    public var error: String?
    /// What was done; one line.
    public var message: String?
    /// Steps done so far and steps in all.
    public var progress: Progress?
    /// For `status`.
    public var status: StatusReport?

    /// Steps of a rollout.
    public struct Progress: Codable, Sendable, Equatable {
        /// Workers replaced.
        public var done: Int
        /// Workers to replace.
        public var total: Int

        /// Groups the two.
        public init(done: Int, total: Int) {
            self.done = done
            self.total = total
        }
    }

    /// It was done, or has begun.
    public static func done(_ message: String) -> ControlReply {
        ControlReply(ok: true, message: message)
    }

    /// It was not done.
    public static func failed(_ error: String) -> ControlReply {
        ControlReply(ok: false, error: error)
    }

    private init(ok: Bool, error: String? = nil, message: String? = nil) {
        self.ok = ok
        self.error = error
        self.message = message
    }

    /// The answer to `status`.
    public init(_ status: StatusReport) {
        ok = true
        self.status = status
    }

    /// A line that tells of progress.
    public init(progress done: Int, of total: Int) {
        ok = true
        isFinal = false
        progress = Progress(done: done, total: total)
    }
}
