// SPDX-License-Identifier: Apache-2.0

import MaitredBalance

/// One request, on a connection of its own.
struct Request: Sendable, Equatable {
    /// Its place among all, from 0.
    let number: Int

    /// When it comes.
    let arrival: Double

    /// How long a worker takes for it.
    let cost: Double

    /// Whom it comes from.
    let client: ClientAddress
}

/// The requests of a scenario in the order in which they come, the same ones whoever serves them.
struct RequestStream: Sequence, IteratorProtocol {
    private let scenario: Scenario
    private let meanGap: Double
    private var number = 0
    private var now = 0.0
    private var arrivals: RandomStream
    private var costs: RandomStream
    private var clients: RandomStream

    /// All requests of a scenario, those of the warm-up first.
    init(_ scenario: Scenario) {
        self.scenario = scenario
        meanGap = scenario.meanGap
        arrivals = RandomStream(seed: scenario.seed, for: .arrivals)
        costs = RandomStream(seed: scenario.seed, for: .costs)
        clients = RandomStream(seed: scenario.seed, for: .clients)
    }

    /// The next request, or nil after the last.
    mutating func next() -> Request? {
        guard number < scenario.warmUp + scenario.requests else { return nil }
        defer { number += 1 }
        now += scenario.arrivals.gap(before: number, mean: meanGap, &arrivals)
        return Request(
            number: number,
            arrival: now,
            cost: scenario.service.draw(&costs),
            client: ClientAddress(ipv4: UInt32.random(in: 0..<UInt32(clamping: scenario.clients), using: &clients))
        )
    }
}
