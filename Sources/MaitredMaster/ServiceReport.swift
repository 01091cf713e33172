// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem
internal import MaitredSystemd

/// What the service manager is told, each thing once; nothing when there is none.
///
/// A state the manager's queue had no room for is said again when the next one is due: nothing here ever waits.
final class ServiceReport {
    /// How much longer a stop may take, each time this is said; more than the second between two of them.
    private static let stopAllowance = Duration.seconds(5)

    private let notifier: ServiceNotifier
    private var isReady = false
    private var isReadySaid = false
    private var status = ""
    private var statusSaid = ""

    /// How long the loop may be silent, nil when nobody asks.
    let watchdogInterval: Duration?

    /// Reads who is to be told.
    init(environment: [String: String]) throws(SystemError) {
        notifier = try ServiceNotifier(environment: environment)
        watchdogInterval = try Watchdog.take()?.timeout
    }

    /// The first worker is ready: the service serves.
    func ready() {
        isReady = true
        sayAgain()
    }

    /// A reload has begun; `ready` ends it.
    func reloading() {
        guard isReadySaid, notifier.send(.reloading(monotonicNanoseconds: MonotonicClock.nanoseconds())) else { return }
        isReadySaid = false
    }

    /// What the service is doing, in a line for a person.
    func status(_ line: String) {
        status = line
        sayAgain()
    }

    /// Says what is not said yet.
    func sayAgain() {
        if isReady, !isReadySaid { isReadySaid = notifier.send(.ready) }
        if status != statusSaid, notifier.send(.status(status)) { statusSaid = status }
    }

    /// The stop has begun.
    func stopping() {
        notifier.send(.stopping)
    }

    /// The stop goes on.
    func extendTimeout() {
        notifier.send(.extendTimeout(Self.stopAllowance))
    }

    /// The loop turns.
    ///
    /// Says no more than that: tied to the workers it would restart them all when one is slow.
    func alive() {
        notifier.send(.watchdog)
    }
}
