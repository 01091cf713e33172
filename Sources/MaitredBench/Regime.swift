// SPDX-License-Identifier: Apache-2.0

// Five kinds of load that strategies answer differently.
//
// What a request costs is mostly time in which its worker can do nothing else (`/block` of the demo), not computing: then
// each worker is a server of its own however few processors the machine has, and what is measured is the choice.

/// One kind of load.
package struct Regime: Sendable {
    /// How requests come.
    package enum Load: Sendable, Equatable {
        /// So many connections, each of which sends its next request when it has the answer to the last.
        case closed(connections: Int)
        /// So many requests a second, at random moments.
        case open(perSecond: Double)
        /// So many at once, every so often.
        case bursts(of: Int, every: Duration)
    }

    /// A path and its share of the requests.
    package struct Request: Sendable, Equatable {
        /// Its share, relative to the others.
        package let weight: Int
        /// Path and query.
        package let path: String
    }

    /// As the command line has it.
    package let name: String
    /// A heading.
    package let title: String
    /// What is sent, in a sentence or two.
    package let explanation: String
    /// How requests come.
    package let load: Load
    /// What is asked for.
    package let requests: [Request]
    /// Whether connections serve one request after another.
    package var keepsAlive = false
    /// Connections that are held and say nothing.
    package var held = 0
    /// Whether every worker is replaced in the middle.
    package var restartsInTheMiddle = false
    /// A request besides, whose own answer does not count, and how often it is sent.
    package var disturbance: (path: String, every: Duration)?
    /// How much longer than the others it takes to show something.
    package var length = 1.0

    /// All five, for a master with so many workers.
    ///
    /// - Parameter workers: At least 1; rates grow with it.
    /// - Returns: The regimes in the order of a report.
    package static func all(workers: Int) -> [Regime] {
        [short(workers), stall(workers), long(workers), heterogeneous(workers), burst(workers)]
    }

    private static func short(_ workers: Int) -> Regime {
        Regime(
            name: "short",
            title: "Short and cheap",
            explanation: "\(8 * workers) connections at a time, each with one cheap request (closed loop).",
            load: .closed(connections: 8 * workers),
            requests: [Request(weight: 1, path: "/")]
        )
    }

    private static func stall(_ workers: Int) -> Regime {
        let rate = 50 * workers
        return Regime(
            name: "stall",
            title: "Short, with a stall now and then",
            explanation: """
                \(rate) requests a second at random moments, each keeps its worker for 5 ms. Every second some worker \
                stands still for 400 ms; the request that makes it do so does not count.
                """,
            load: .open(perSecond: Double(rate)),
            requests: [Request(weight: 1, path: "/block?ms=5")],
            disturbance: ("/block?ms=400", .seconds(1))
        )
    }

    private static func long(_ workers: Int) -> Regime {
        let held = 100 * workers
        return Regime(
            name: "long",
            title: "Long-lived connections",
            explanation: """
                \(held) connections are held all the time, \(4 * workers) more ask for something cheap again and again. \
                In the middle every worker is replaced; clients connect anew when they are told to.
                """,
            load: .closed(connections: 4 * workers),
            requests: [Request(weight: 1, path: "/")],
            keepsAlive: true,
            held: held,
            restartsInTheMiddle: true
        )
    }

    private static func heterogeneous(_ workers: Int) -> Regime {
        // 2 ms for 99 of 100 and 200 ms for the rest are 3.98 ms on average; waking up late and HTTP take half a
        // millisecond besides.
        let rate = (0.7 * Double(workers) / 0.004_5).rounded()
        return Regime(
            name: "heterogeneous",
            title: "Requests of very different cost",
            explanation: """
                \(Int(rate)) requests a second at random moments; 99 of 100 keep their worker for 2 ms, one for 200 ms. \
                Workers are in use for about 70 % of the time.
                """,
            load: .open(perSecond: rate),
            requests: [Request(weight: 99, path: "/block?ms=2"), Request(weight: 1, path: "/block?ms=200")],
            length: 3
        )
    }

    private static func burst(_ workers: Int) -> Regime {
        let size = 25 * workers
        return Regime(
            name: "burst",
            title: "All at once",
            explanation: "\(size) requests at the same moment, twice a second; each keeps its worker for 5 ms.",
            load: .bursts(of: size, every: .milliseconds(500)),
            requests: [Request(weight: 1, path: "/block?ms=5")]
        )
    }
}
