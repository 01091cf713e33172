// SPDX-License-Identifier: Apache-2.0

/// What `maitred bench load` found, as its JSON has it.
///
/// Times are milliseconds unless the name says otherwise.
package struct LoadReport: Codable, Sendable, Equatable {
    /// Latencies of good answers.
    package struct Latency: Codable, Sendable, Equatable {
        /// The shortest.
        package var min: Double
        /// The average.
        package var mean: Double
        /// So many per cent were not longer.
        package var p50, p75, p90, p95, p99, p999, p9999: Double
        /// The longest.
        package var max: Double

        /// Asks for each percentile.
        ///
        /// - Parameters:
        ///   - min: The shortest.
        ///   - mean: The average.
        ///   - max: The longest.
        ///   - at: Gives the latency at a percentile from 0 to 100.
        package init(min: Double, mean: Double, max: Double, at: (Double) -> Double) {
            self.min = min
            self.mean = mean
            self.max = max
            p50 = at(50)
            p75 = at(75)
            p90 = at(90)
            p95 = at(95)
            p99 = at(99)
            p999 = at(99.9)
            p9999 = at(99.99)
        }
    }

    /// What was asked for, in words: a line of the text, and the same in JSON.
    package struct Request: Codable, Sendable, Equatable {
        /// Where.
        package var url: String
        /// `closed`, `open` or `bursts`.
        package var mode: String
        /// Connections of a closed loop.
        package var connections: Int?
        /// Requests a second of an open loop.
        package var rate: Double?
        /// Requests of one burst.
        package var burst: Int?
        /// Threads.
        package var threads: Int
        /// Whether connections served more than one request.
        package var keepAlive: Bool
        /// Connections that were held and said nothing.
        package var idle: Int

        /// All of it.
        package init(
            url: String,
            mode: String,
            connections: Int?,
            rate: Double?,
            burst: Int?,
            threads: Int,
            keepAlive: Bool,
            idle: Int
        ) {
            self.url = url
            self.mode = mode
            self.connections = connections
            self.rate = rate
            self.burst = burst
            self.threads = threads
            self.keepAlive = keepAlive
            self.idle = idle
        }
    }

    /// The form of this report; a later one only adds.
    package var version = 1
    /// What was asked for.
    package var request: Request
    /// Seconds that were measured.
    package var seconds: Double
    /// Good answers a second.
    package var throughput: Double
    /// Good answers.
    package var answered: UInt64
    /// Requests that failed.
    package var failed: UInt64
    /// Requests without an answer when the time was over.
    package var unfinished: UInt64
    /// Bytes of answers.
    package var bytes: UInt64
    /// Connections that were opened.
    package var connectionsOpened: UInt64
    /// From the moment at which a request was meant to be sent; zeros when nothing was answered.
    package var latency: Latency
    /// From the moment at which it was sent.
    package var serviceTime: Latency
    /// Failed requests by kind; each kind is there.
    package var errors: [String: UInt64]
    /// Requests of an open loop that the generator sent more than a millisecond late.
    package var late: UInt64
    /// How late the latest was.
    package var latestBy: Double
    /// CPU time of the generator, in seconds.
    package var cpuSeconds: Double

    /// A report of nothing yet.
    package init(request: Request) {
        let nothing = Latency(min: 0, mean: 0, max: 0) { _ in 0 }
        self.request = request
        seconds = 0
        throughput = 0
        answered = 0
        failed = 0
        unfinished = 0
        bytes = 0
        connectionsOpened = 0
        latency = nothing
        serviceTime = nothing
        errors = [:]
        late = 0
        latestBy = 0
        cpuSeconds = 0
    }

    /// Whether the generator rather than the server set the figures: it missed its moments, or used all its threads had.
    package var wasBottleneck: Bool {
        let sent = answered + failed + unfinished
        return late * 1000 > sent || (seconds > 0 && cpuSeconds > 0.9 * seconds * Double(request.threads))
    }
}
