// SPDX-License-Identifier: Apache-2.0

/// What became of the counted requests of a scenario; times in units of a cheap request.
package struct Outcome: Sendable, Equatable {
    /// The time from a request's arrival to its end, of each, in ascending order.
    private let latencies: [Double]

    /// The mean time from a request's arrival to its service.
    package let meanWait: Double

    /// The largest number of connections of a worker, divided by the mean number, both averaged over the moments that
    /// were looked at; nil where nothing is assigned to a worker before it is free.
    package let spread: Double?

    /// Closes a record.
    init(latencies: [Double], meanWait: Double, spread: Double?) {
        self.latencies = latencies.sorted()
        self.meanWait = meanWait
        self.spread = spread
    }

    /// Requests that were counted.
    package var count: Int { latencies.count }

    /// The latency that a fraction of requests did not exceed.
    ///
    /// - Parameter fraction: 0 to 1.
    /// - Returns: one of the latencies, or 0 if there were none.
    package func quantile(_ fraction: Double) -> Double {
        guard !latencies.isEmpty else { return 0 }
        let rank = (fraction * Double(latencies.count)).rounded(.up)
        return latencies[min(max(Int(rank), 1), latencies.count) - 1]
    }
}

/// The requests that were counted so far.
struct Record {
    private let firstCounted: Int
    private var latencies: [Double] = []
    private var waited = 0.0
    private var largest = 0
    private var mean = 0.0

    /// Nothing yet.
    init(_ scenario: Scenario) {
        firstCounted = scenario.warmUp
        latencies.reserveCapacity(scenario.requests)
    }

    /// Whether a request is one of those that count.
    func counts(_ request: Request) -> Bool { request.number >= firstCounted }

    /// Notes that a request's service begins.
    mutating func begins(_ request: Request, at now: Double) {
        guard counts(request) else { return }
        waited += now - request.arrival
        latencies.append(now - request.arrival + request.cost)
    }

    /// Notes how many connections the workers have open at a moment.
    mutating func looks(atLargest largest: Int, mean: Double) {
        self.largest += largest
        self.mean += mean
    }

    /// All of it.
    func outcome() -> Outcome {
        Outcome(
            latencies: latencies,
            meanWait: latencies.isEmpty ? 0 : waited / Double(latencies.count),
            spread: mean > 0 ? Double(largest) / mean : nil
        )
    }
}
