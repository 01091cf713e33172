// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import MaitredSimulator
import Testing

struct SimulationTests {
    @Test(arguments: StrategyName.allCases) func `the same seed has the same outcome, another one another`(
        _ name: StrategyName
    ) {
        var scenario = scenario(requests: 3000) { $0.queueDepth = 16 }
        let first = scenario.run(name)
        #expect(scenario.run(name) == first)
        scenario.seed = 2
        #expect(scenario.run(name) != first)
    }

    /// Nothing is chosen there, so what is left is the queue itself.
    @Test(arguments: StrategyName.allCases) func `one worker is the ideal queue, whoever chooses`(_ name: StrategyName)
    {
        var scenario = scenario(requests: 2000) { $0.workers = 1 }
        for (atOnce, depth) in [(1, Int.max), (4, .max), (1, 1), (4, 3)] {
            scenario.servedAtOnce = atOnce
            scenario.queueDepth = depth
            let outcome = scenario.run(name)
            let ideal = IdealQueue.run(scenario)
            #expect(outcome.meanWait == ideal.meanWait)
            #expect([0.1, 0.5, 0.9, 0.99, 1].allSatisfy { outcome.quantile($0) == ideal.quantile($0) })
        }
    }

    @Test(arguments: StrategyName.allCases) func `every counted request is served once`(_ name: StrategyName) {
        let outcome = scenario(requests: 3000) {
            $0.load = 1.2
            $0.queueDepth = 2
            $0.arrivals = .bursts(of: 50)
        }.run(name)
        #expect(outcome.count == 3000 && outcome.quantile(0) >= 1)
    }

    @Test(arguments: StrategyName.allCases) func `five hundred workers are served like four`(_ name: StrategyName) {
        let outcome = scenario(requests: 5000) {
            $0.workers = 512
            $0.load = 0.5
        }.run(name)
        #expect(outcome.count == 5000)
        // Among so many there is always somebody free for who looks.
        if name == .leastConnections { #expect(outcome.meanWait == 0) }
    }

    /// Connections that nobody waits for, as long as the interval between two samples on average: about 50 for each of
    /// four workers, 200 new ones between two samples.
    @Test func `between two samples least memory spreads what would else go to one worker`() {
        let scenario = scenario(requests: 10_000) {
            $0.servedAtOnce = 1000
            $0.load = 0.05
            $0.service = .exponential
            $0.memory.sampleInterval = 1
        }
        let predicting = scenario.run(.leastMemory).spread ?? 0
        let stale = Simulation.run(scenario, with: StaleMemory()).spread ?? 0
        #expect(predicting < 1.3 && stale > 2, "\(predicting), \(stale)")
    }

    @Test func `least connections are as even as can be`() {
        let scenario = scenario(requests: 10_000) {
            $0.servedAtOnce = 1000
            $0.load = 0.05
            $0.service = .exponential
        }
        let even = scenario.run(.leastConnections).spread ?? 0
        #expect((1..<1.1).contains(even) && even < scenario.run(.random).spread ?? 0)
        #expect(IdealQueue.run(scenario).spread == nil)
    }
}
