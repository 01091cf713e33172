// SPDX-License-Identifier: Apache-2.0

package import Histogram

/// Why a request got no good answer.
package enum LoadError: String, Sendable, CaseIterable {
    /// Nobody listens, or the connection could not be made.
    case refused
    /// The server ended the connection with a reset.
    case reset
    /// No whole answer within the timeout.
    case timeout
    /// The connection ended before the whole answer was there.
    case shortBody
    /// An answer that is not 2xx.
    case badStatus
    /// What came is not HTTP/1.1.
    case badResponse
    /// This machine had no descriptor, port or memory left for the client's side.
    case local
}

/// What a run found.
package struct LoadResult: Sendable {
    /// Latencies of good answers in nanoseconds, from the intended start in an open loop.
    ///
    /// Three digits, up to an hour.
    package var latency: Histogram<UInt64>
    /// The same, from the moment at which the request was really begun: before its connection, if it needed a new one.
    package var serviceTime: Histogram<UInt64>
    /// Good answers.
    package var answered: UInt64 = 0
    /// Requests that failed, by reason.
    package var errors: [LoadError: UInt64] = [:]
    /// Requests that had no answer yet when the run ended, sent or not; neither good nor failed.
    package var unfinished: UInt64 = 0
    /// Bytes of answers, heads and bodies, that came while it was measured.
    package var bytes: UInt64 = 0
    /// Connections that were opened for requests, those of the warm-up too.
    package var connections: UInt64 = 0
    /// Requests of an open loop that were begun over a millisecond late although a connection was free.
    ///
    /// The generator itself was busy: what it took is in `latency` too, and the server had no part in it.
    package var late: UInt64 = 0
    /// How late the latest of them was.
    package var latestBy = Duration.zero
    /// Measured time.
    package var time = Duration.zero
    /// CPU time of all threads while it was measured.
    package var cpuTime = Duration.zero
    /// Good answers and their latencies by second of the measured time, for plots.
    package var seconds: [Second] = []

    /// One second of a run.
    package struct Second: Sendable {
        /// Good answers.
        package var answered: UInt64 = 0
        /// Failed requests.
        package var failed: UInt64 = 0
        /// The longest latency in nanoseconds.
        package var longest: UInt64 = 0

        /// A second in which nothing happened.
        package init() {}
    }

    /// A result of nothing.
    package init() {
        latency = Self.emptyHistogram()
        serviceTime = Self.emptyHistogram()
    }

    /// 1 ns to an hour at three digits.
    package static func emptyHistogram() -> Histogram<UInt64> {
        Histogram<UInt64>(
            lowestDiscernibleValue: 1,
            highestTrackableValue: 3_600_000_000_000,
            numberOfSignificantValueDigits: .three
        )
    }

    /// All failed requests.
    package var failed: UInt64 { errors.values.reduce(0, &+) }
}

/// What is known while a run goes on, for a line of progress.
package struct LoadProgress: Sendable {
    /// Time since the start, warm-up included.
    package var elapsed: Duration
    /// Time the run will take, warm-up included.
    package var total: Duration
    /// Whether measuring has begun.
    package var isMeasuring: Bool
    /// Good answers so far.
    package var answered: UInt64
    /// Failed requests so far.
    package var failed: UInt64

    /// How far a run is.
    package init(elapsed: Duration, total: Duration, isMeasuring: Bool, answered: UInt64, failed: UInt64) {
        self.elapsed = elapsed
        self.total = total
        self.isMeasuring = isMeasuring
        self.answered = answered
        self.failed = failed
    }
}
