// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import MaitredSimulator
import Testing

/// Cases that can be calculated. Seeds are fixed, so what is within its tolerance once is always.
struct QueueingTheoryTests {
    /// Random over N workers makes one stream of independent arrivals N of them: W = ρ / (1 − ρ).
    @Test(arguments: [0.5, 0.7]) func `random with exponential costs waits like M/M/1`(_ load: Double) {
        let outcome = scenario(requests: 60_000) {
            $0.load = load
            $0.service = .exponential
        }.run(.random)
        #expect(isClose(outcome.meanWait, to: load / (1 - load), within: 0.04))
    }

    /// Half of that when all requests cost the same.
    @Test(arguments: [0.5, 0.7]) func `random with equal costs waits like M/D/1`(_ load: Double) {
        let outcome = scenario(requests: 60_000) {
            $0.load = load
            $0.service = .constant
        }.run(.random)
        #expect(isClose(outcome.meanWait, to: load / (1 - load) / 2, within: 0.04))
    }

    /// Pollaczek and Khinchine: W = λ E[S²] / 2(1 − ρ).
    @Test func `one worker with dear requests waits like M/G/1`() {
        let scenario = scenario(requests: 150_000) {
            $0.workers = 1
            $0.load = 0.5
            // Milder than usual, or a few per cent would take millions of requests.
            $0.service = .mix(share: 0.1, factor: 10)
        }
        let secondMoment = 0.9 + 0.1 * 10 * 10
        let expected = secondMoment / scenario.meanGap / 2 / (1 - scenario.load)
        #expect(isClose(IdealQueue.run(scenario).meanWait, to: expected, within: 0.05))
    }

    /// Erlang's formula for the share that waits, C, then W = C / N(1 − ρ).
    @Test(arguments: [(4, 0.7), (4, 0.8), (16, 0.8)])
    func `the ideal queue waits like M/M/N`(_ workers: Int, _ load: Double) {
        let outcome = IdealQueue.run(
            scenario(requests: 150_000) {
                $0.workers = workers
                $0.load = load
                $0.service = .exponential
            }
        )
        // Erlang's B by its recursion, and C from it.
        let offered = load * Double(workers)
        let blocked = (1...workers).reduce(1.0) { blocked, count in
            offered * blocked / (Double(count) + offered * blocked)
        }
        let waits = blocked / (1 - load * (1 - blocked))
        #expect(isClose(outcome.meanWait, to: waits / (Double(workers) * (1 - load)), within: 0.05))
    }

    /// Mitzenmacher, and Vvedenskaya with others: over very many workers the mean time from arrival to end is the sum of
    /// ρ^(2^i − 2) for i from 1.
    @Test func `two random choices among many take as long as calculated`() {
        let outcome = Simulation.run(
            scenario(requests: 50_000) {
                $0.workers = 512
                $0.service = .exponential
                // Queues of many workers take longer to fill.
                $0.warmUp = 20_000
            },
            with: TwoChoices()
        )
        let expected = 1 + 0.49 + 0.1176 + 0.0068
        #expect(isClose(1 + outcome.meanWait, to: expected, within: 0.02))
    }

    @Test func `nobody waits for what comes and takes one after another`() {
        let outcome = scenario(requests: 1000) {
            $0.load = 0.95
            $0.arrivals = .constant
            $0.service = .constant
        }.run(.roundRobin)
        #expect(outcome.meanWait == 0 && outcome.quantile(0) == 1 && outcome.quantile(1) == 1)
    }

    /// 8 at once for 4 workers, all of the same cost: half of them wait for one request.
    @Test(arguments: [StrategyName.roundRobin, .leastConnections, .powerOfTwo])
    func `the second half of a burst waits for the first`(_ name: StrategyName) {
        let outcome = scenario(requests: 800) {
            $0.arrivals = .bursts(of: 8)
            $0.service = .constant
        }.run(name)
        #expect(isClose(outcome.meanWait, to: 0.5, within: 1e-9))
        #expect(
            isClose(outcome.quantile(0.5), to: 1, within: 1e-9) && isClose(outcome.quantile(0.51), to: 2, within: 1e-9)
        )
    }
}
