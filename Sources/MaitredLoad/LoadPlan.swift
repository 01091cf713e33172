// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// Everything that a load run is told: where to, what to ask, how fast, how long.
///
/// A value: what it contains is checked by who makes it (the command line), not by the generator.
package struct LoadPlan: Sendable {
    /// One kind of request of a mix.
    package struct Request: Sendable, Equatable {
        /// Its share of all requests, relative to the others; at least 1.
        package var weight: Int
        /// Path and query as they stand in the request line.
        package var path: String

        /// A share of the requests.
        package init(weight: Int = 1, path: String) {
            self.weight = weight
            self.path = path
        }
    }

    /// When requests are sent.
    package enum Pace: Sendable, Equatable {
        /// Closed loop: each of so many connections sends its next request when it has the answer to the last.
        case closed(connections: Int)
        /// Open loop: so many requests a second in all, whatever the answers do; latency counts from the moment at
        /// which a request was meant to be sent.
        case open(perSecond: Double, Arrivals)
        /// Open loop: so many requests at once, every so often.
        case bursts(of: Int, every: Duration)
    }

    /// How the moments of an open loop are spread.
    package enum Arrivals: String, Sendable, CaseIterable {
        /// All intervals are equal.
        case constant
        /// Intervals are exponentially distributed, as with many clients that know nothing of each other.
        case poisson
    }

    /// Where the server listens; the addresses of a name are tried in order, the first that answers is used.
    package var addresses: [SocketAddress]
    /// The value of the `Host` header.
    package var host: String
    /// What is asked for; at least one.
    package var requests: [Request]
    /// Header lines besides `Host` and `Connection`, without line ends.
    package var headers: [String] = []
    /// When requests are sent.
    package var pace: Pace
    /// Whether a connection serves one request after another; else each request opens its own.
    package var keepsAlive = false
    /// Threads, each with a share of the connections and of the rate.
    package var threads = 1
    /// How long is measured, after `warmUp`.
    package var duration: Duration
    /// Time before measuring begins: requests are sent and not counted.
    package var warmUp = Duration.zero
    /// Time in which the rate (or the number of connections) rises from nothing to all of it, at the start.
    package var ramp = Duration.zero
    /// After so long without its answer a request has failed.
    package var timeout = Duration.seconds(10)
    /// Whether a connection that the server has not closed by the end of its answer is reset instead of closed: so no
    /// port stays taken for a minute, and no run ends for want of ports.
    package var resetsConnections = true
    /// Connections that are opened first and say nothing all the time.
    package var idle = 0
    /// Most connections of an open loop at a time; a request that finds none free waits, which counts as its latency.
    package var openLoopConnections = 10_000
    /// What the random parts (Poisson, the mix) begin with: the same seed asks the same.
    package var seed: UInt64 = 1

    /// A plan with everything else as it is by default.
    package init(
        addresses: [SocketAddress],
        host: String,
        requests: [Request],
        pace: Pace,
        duration: Duration
    ) {
        self.addresses = addresses
        self.host = host
        self.requests = requests
        self.pace = pace
        self.duration = duration
    }
}
