// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct StrategyNameTests {
    @Test func `the names are those of the command line`() {
        #expect(
            StrategyName.allCases.map(\.rawValue) == [
                "round-robin", "least-connections", "least-memory", "power-of-two", "source-hash", "random",
            ]
        )
        #expect(StrategyName(rawValue: "kernel") == nil)
    }

    @Test(arguments: StrategyName.allCases) func `a strategy knows its name`(_ name: StrategyName) {
        #expect(name.makeStrategy(seed: 1).name == name.rawValue)
        #expect(!name.summary.isEmpty && !name.summary.contains("\n"))
    }

    @Test func `the seed reaches the strategy that needs one`() {
        var first = balancer(9, StrategyName.random.makeStrategy(seed: 1))
        var second = balancer(9, StrategyName.random.makeStrategy(seed: 2))
        #expect(first.picks(50) != second.picks(50))
    }
}
