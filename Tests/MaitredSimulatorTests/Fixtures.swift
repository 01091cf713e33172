// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import MaitredSimulator

/// A scenario that differs from the usual one, with a tenth as many requests to warm up.
func scenario(requests: Int, _ change: (inout Scenario) -> Void) -> Scenario {
    var scenario = Scenario()
    scenario.requests = requests
    scenario.warmUp = requests / 10
    change(&scenario)
    return scenario
}

extension Scenario {
    /// Plays it with a built-in strategy.
    func run(_ name: StrategyName) -> Outcome {
        Simulation.run(self, with: name.makeStrategy(seed: seed))
    }
}

/// Whether a number lies within a share of another one.
func isClose(_ value: Double, to expected: Double, within share: Double) -> Bool {
    abs(value - expected) <= expected * share
}

/// Two different workers by chance, the less loaded one of them: what theory calls the power of two choices.
struct TwoChoices: BalancingStrategy {
    private var state: UInt64 = 0x853c_49e6_748f_ea9b

    mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        let count = table.workers.count
        let first = below(count)
        let second = (first + 1 + below(count - 1)) % count
        return table.workers[second].isLessLoaded(than: table.workers[first]) ? second : first
    }

    /// A number from 0, by the upper half of a linear congruence (Knuth's constants).
    private mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}

/// The least memory at the last sample, without a thought for what was handed since.
struct StaleMemory: BalancingStrategy {
    mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        table.workers.indices.min {
            (table.workers[$0].memory.lastSample ?? 0) < (table.workers[$1].memory.lastSample ?? 0)
        }
    }
}
