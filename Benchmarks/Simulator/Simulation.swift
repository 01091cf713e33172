// SPDX-License-Identifier: Apache-2.0

import DequeModule
import HeapModule
package import MaitredBalance

/// A scenario played through with a strategy, in virtual time.
///
/// Choosing is the master's own code: a `Balancer` over a `LoadTable`. The rest is played: workers take from their
/// queues whenever they have a place, connection counts are fresh whenever the strategy is asked, samples of memory are
/// as old as their interval makes them. What happens next is the earliest of the next arrival, departure and sample; at
/// the same moment departures come before samples, and samples before arrivals. Nothing else moves time, so the same
/// scenario and strategy have the same outcome each time.
package struct Simulation {
    /// A request's end.
    private struct Departure: Comparable {
        let time: Double
        let worker: Int

        static func < (left: Self, right: Self) -> Bool {
            left.time == right.time ? left.worker < right.worker : left.time < right.time
        }
    }

    /// What a worker has.
    private struct Worker {
        /// Requests in its channel, the oldest first.
        var queue = Deque<Request>()

        /// Requests that it serves.
        var serving = 0

        /// All of them.
        var open: Int { queue.count + serving }
    }

    private let scenario: Scenario
    private var balancer: Balancer
    private var workers: [Worker]
    /// Requests that nobody could be given when they came.
    private var backlog = Deque<Request>()
    private var departures = Heap<Departure>()
    private var nextSample: Double
    private var record: Record

    /// Plays a scenario to its end.
    ///
    /// - Parameters:
    ///   - scenario: what comes.
    ///   - strategy: who chooses.
    /// - Returns: what became of the requests.
    package static func run(_ scenario: Scenario, with strategy: any BalancingStrategy) -> Outcome {
        var simulation = Simulation(scenario, strategy)
        for request in RequestStream(scenario) {
            simulation.advance(to: request.arrival)
            simulation.arrive(request)
        }
        while let departure = simulation.departures.min {
            simulation.advance(to: departure.time)
        }
        return simulation.record.outcome()
    }

    private init(_ scenario: Scenario, _ strategy: any BalancingStrategy) {
        self.scenario = scenario
        balancer = Balancer(table: LoadTable(queueDepth: scenario.queueDepth, maxConnections: nil), strategy: strategy)
        for index in 0..<scenario.workers {
            balancer.join(id: index + 1, slot: index)
            balancer.table.setReady(true, at: index)
        }
        workers = Array(repeating: Worker(), count: scenario.workers)
        nextSample = scenario.memory.sampleInterval
        record = Record(scenario)
    }

    // MARK: - Time

    /// Lets everything happen that is due at a moment or before it.
    private mutating func advance(to now: Double) {
        while let departure = departures.min, departure.time <= now {
            sampleMemory(before: departure.time)
            departures.removeMin()
            depart(departure)
        }
        sampleMemory(before: now.nextUp)
    }

    private mutating func sampleMemory(before now: Double) {
        while nextSample < now {
            for index in workers.indices {
                let bytes = scenario.memory.idle + workers[index].open * scenario.memory.perConnection
                balancer.table.sampleMemory(at: index, bytes: bytes)
            }
            nextSample += scenario.memory.sampleInterval
        }
    }

    // MARK: - Events

    private mutating func arrive(_ request: Request) {
        // Every so many arrivals, so that looking costs no more than choosing does.
        if record.counts(request), request.number.isMultiple(of: scenario.workers) { look() }
        // Whoever waits already is first.
        if !backlog.isEmpty || !hand(request, at: request.arrival) { backlog.append(request) }
    }

    private mutating func depart(_ departure: Departure) {
        workers[departure.worker].serving -= 1
        take(at: departure.worker, departure.time)
        while let request = backlog.first, hand(request, at: departure.time) { backlog.removeFirst() }
    }

    /// Gives a request to the worker that the strategy chooses.
    ///
    /// - Returns: false if nobody is eligible.
    private mutating func hand(_ request: Request, at now: Double) -> Bool {
        guard let index = balancer.pick(for: ConnectionFacts(client: request.client, listener: 0)) else { return false }
        balancer.table.handed(at: index)
        workers[index].queue.append(request)
        take(at: index, now)
        return true
    }

    /// Lets a worker take from its queue while it has a place, and the master see what it has then.
    private mutating func take(at index: Int, _ now: Double) {
        while workers[index].serving < scenario.servedAtOnce, let request = workers[index].queue.popFirst() {
            workers[index].serving += 1
            record.begins(request, at: now)
            departures.insert(Departure(time: now + request.cost, worker: index))
        }
        balancer.table.refresh(at: index, queued: workers[index].queue.count, holds: workers[index].serving)
    }

    private mutating func look() {
        var largest = 0
        var all = 0
        for index in workers.indices {
            largest = max(largest, workers[index].open)
            all += workers[index].open
        }
        record.looks(atLargest: largest, mean: Double(all) / Double(workers.count))
    }
}
