// SPDX-License-Identifier: Apache-2.0

/// When a slot whose worker ended gets a new one.
///
/// An exit counts against the slot only if the worker was ready for less than `minimumUptime`, or never. The n-th such
/// exit in a row delays the successor by restartDelay × 1.5ⁿ⁻¹, at most 30 s; with the one numbered `maximumRestarts`
/// the slot has failed. A worker that lived long enough clears the count, and its successor starts after 100 ms.
package struct RestartPolicy: Equatable, Sendable {
    /// No delay is longer than this.
    package static let longestDelay = Duration.seconds(30)

    /// Failures in a row of every slot with which a service that never served is given up: to wait longer helps one that
    /// once worked, not one whose command ends by itself.
    package static let firstAttempts = 3

    /// Before the successor of a worker that had been well: long enough to keep a crash at each request from
    /// becoming a fork bomb.
    package static let shortDelay = Duration.milliseconds(100)

    /// Delay after the first failure.
    package var restartDelay: Duration
    /// Ready for less than this is a failure.
    package var minimumUptime: Duration
    /// Failures in a row with which the slot is given up.
    package var maximumRestarts: Int

    /// Groups the settings.
    package init(restartDelay: Duration, minimumUptime: Duration, maximumRestarts: Int) {
        self.restartDelay = restartDelay
        self.minimumUptime = minimumUptime
        self.maximumRestarts = maximumRestarts
    }

    /// What to do after a worker's end.
    package enum Verdict: Equatable, Sendable {
        /// Start another after this time.
        case restart(after: Duration)
        /// Start no other.
        case fail
    }

    /// Judges an end.
    ///
    /// - Parameters:
    ///   - readyFor: How long the worker was ready, nil when it never was.
    ///   - failures: The slot's failures in a row; updated.
    /// - Returns: Whether and when a successor starts.
    package func judge(readyFor: Duration?, failures: inout Int) -> Verdict {
        if let readyFor, readyFor >= minimumUptime {
            failures = 0
            return .restart(after: Self.shortDelay)
        }
        failures += 1
        return failures >= maximumRestarts ? .fail : .restart(after: delay(afterFailures: failures))
    }

    /// The delay after the n-th failure in a row, n ≥ 1.
    func delay(afterFailures failures: Int) -> Duration {
        var delay = min(restartDelay, Self.longestDelay)
        for _ in 1..<max(1, failures) where delay < Self.longestDelay {
            delay = min(delay * 3 / 2, Self.longestDelay)
        }
        return delay
    }
}
