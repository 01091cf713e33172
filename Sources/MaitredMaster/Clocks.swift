// SPDX-License-Identifier: Apache-2.0

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

    /// Samples since the start.
    var samples = 0

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

    /// When to log a line with the state of everything, nil for never.
    var statusAt: Instant?

    /// When to tell the service manager that the loop turns, nil when it does not ask.
    var watchdogAt: Instant?

    /// How often to log, and to tell.
    let statusInterval: Duration
    /// Half of what the service manager allows.
    let watchdogInterval: Duration?

    /// A turn that comes so much later than planned means that the machine slept: the stall timeout, twice its tick.
    let lateNanoseconds: UInt64

    /// Clocks that begin now.
    init(now: Instant, stallTimeout: Duration, statusInterval: Duration, watchdog: Duration?) {
        lateNanoseconds = max(stallTimeout, Self.leastLateness).nanoseconds
        wakeAt = now
        turnBeganAt = now
        sampleAt = now + Self.sampleInterval
        self.statusInterval = statusInterval
        statusAt = statusInterval > .zero ? now + statusInterval : nil
        watchdogInterval = watchdog.map { $0 / 2 }
        watchdogAt = watchdog.map { _ in now }
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
