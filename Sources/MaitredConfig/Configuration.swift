// SPDX-License-Identifier: Apache-2.0

package import MaitredBalance

/// Everything that `maitred serve` can be told, checked: each value is in the range that its setting names.
///
/// The defaults stand here and nowhere else; `Setting.all` says how each is called and read.
package struct Configuration: Equatable, Sendable {
    /// The numbers of workers that can be asked for: more than 512 have not been measured.
    package static let workersRange = 1...512

    /// The sockets to open, in order; empty if none was given, because systemd may have opened them.
    package var listen: [ListenSpecification] = []
    /// How many workers run.
    package var workers: Int
    /// The words of the command that every worker runs; never empty once resolved.
    package var command: [String] = []
    /// Variables from the configuration file that are meant for the workers, in the order of the file.
    package var workerEnvironment: [EnvironmentVariable] = []
    /// The limit on open files of a worker; `nil` is the limit that maitred was started with.
    package var workerNofile: Int?

    /// How the worker for a connection is chosen.
    package var strategy = StrategyName.roundRobin
    /// Connections that may wait for one worker, in all its channels together, not yet taken by it.
    package var queueDepth = 16
    /// Connections that one worker may have open; `nil` is no limit.
    package var maxConnections: Int?

    /// How long a worker may leave a waiting connection untaken before others get it.
    package var stallTimeout = Duration.milliseconds(100)
    /// How long a worker may take from its start until it is ready.
    package var startTimeout = Duration.seconds(30)
    /// How long a worker must have been ready for its exit not to count as a failed start.
    package var minUptime = Duration.seconds(1)
    /// The pause before the first restart after a failed start; the following ones grow by half each.
    package var restartDelay = Duration.seconds(1)
    /// Failed starts in a row after which a slot is given up.
    package var maxRestarts = 10
    /// How long a draining worker may go on with open connections.
    package var drainTimeout = Duration.seconds(10)
    /// How long a worker may live on after the stop signal before it is killed.
    package var killTimeout = Duration.seconds(10)
    /// What asks a worker to stop once it has drained.
    package var stopSignal = SignalName.terminate
    /// What tells a worker that it drains; `nil` sends no signal.
    package var drainSignal: SignalName?

    /// The least important messages that are logged.
    package var logLevel = LogLevel.info
    /// How often a line with the state of all workers is logged; zero is never.
    package var statusInterval = Duration.zero

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
