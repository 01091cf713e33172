// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredSupervise

/// The master's own times.
///
/// Those of workers and slots are theirs; `Master.handleTimers` asks them.
struct Clocks {
    /// Between samples of memory and searches for dead rows.
    static let sampleInterval = Duration.seconds(1)

    /// Nobody slept who is later than planned by less: a busy machine is not a frozen one.
    static let leastLateness = Duration.milliseconds(100)

    /// Samples between two status lines for the service manager, which passes each on to everybody who listens to it.
    static let samplesPerStatus = 10

    /// Seconds of which the samples are complete.
    var samples = 0

    /// Workers that were measured in this second so far.
    private(set) var sampledWorkers = 0

    /// The next turn begins at this moment at the latest.
    ///
    /// Too early costs a turn; too late is a bug.
    var wakeAt: Instant

    /// When this turn began.
    var turnBeganAt: Instant

    /// What the timer is set to.
    ///
    /// It is set anew only for an earlier moment: one that comes too early costs a turn, which is less than setting the
    /// timer whenever the earliest moment moves.
    private var timerAt = Instant.never

    /// While a channel holds a packet: when the workers' progress is looked at.
    var tickAt: Instant?

    /// When to look again although nobody rang.
    var netAt: Instant?

    /// When to sample.
    var sampleAt: Instant

    /// When the measuring of this second began.
    private var secondBeganAt: Instant

    /// When to log a line with the state of everything, nil for never.
    var statusAt: Instant?

    /// When to tell the service manager that the loop turns, nil when it does not ask.
    var watchdogAt: Instant?

    /// How often to log, and to tell.
    private(set) var statusInterval: Duration
    /// Half of what the service manager allows.
    let watchdogInterval: Duration?

    /// A turn that comes so much later than planned means that the machine slept: the stall timeout, twice its tick.
    private(set) var lateNanoseconds: UInt64

    /// Clocks that begin now.
    init(now: Instant, stallTimeout: Duration, statusInterval: Duration, watchdog: Duration?) {
        lateNanoseconds = max(stallTimeout, Self.leastLateness).nanoseconds
        wakeAt = now
        turnBeganAt = now
        sampleAt = now + Self.sampleInterval
        secondBeganAt = sampleAt
        self.statusInterval = statusInterval
        statusAt = statusInterval > .zero ? now + statusInterval : nil
        watchdogInterval = watchdog.map { $0 / 2 }
        watchdogAt = watchdog.map { _ in now }
    }

    /// Takes over what a reload has changed.
    mutating func apply(_ configuration: Configuration, at now: Instant) {
        lateNanoseconds = max(configuration.stallTimeout, Self.leastLateness).nanoseconds
        guard configuration.statusInterval != statusInterval else { return }
        statusInterval = configuration.statusInterval
        statusAt = statusInterval > .zero ? now + statusInterval : nil
    }

    /// Workers up to this one have been measured; those that are left are in their time, a second for all.
    mutating func sampled(upTo end: Int, of count: Int, at now: Instant) {
        if end >= count {
            sampleAt = max(secondBeganAt + Self.sampleInterval, now)
            secondBeganAt = max(secondBeganAt + Self.sampleInterval, now)
            sampledWorkers = 0
        } else {
            sampleAt = secondBeganAt + Self.sampleInterval * end / count
            sampledWorkers = end
        }
    }

    /// Whether the timer must be set to `wakeAt` before a wait; the answer counts as done.
    var mustSetTimer: Bool {
        mutating get {
            guard wakeAt < timerAt, wakeAt > turnBeganAt else { return false }
            timerAt = wakeAt
            return true
        }
    }

    /// The timer has gone off and is not set any more.
    mutating func timerFired() {
        timerAt = .never
    }

    /// The earliest of the master's own times.
    var earliest: Instant {
        [tickAt, netAt, statusAt, watchdogAt].reduce(sampleAt) { min($0, $1 ?? .never) }
    }
}
