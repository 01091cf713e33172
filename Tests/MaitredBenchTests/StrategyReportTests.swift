// SPDX-License-Identifier: Apache-2.0

import MaitredBench
import Testing

struct StrategyReportTests {
    @Test func `a regime finds its strategies by name`() {
        let regime = RegimeResult.made([.made("random", p99: 1), .made("kernel", p99: 2)])
        #expect(regime.result(of: "kernel")?.p99 == 2)
        #expect(regime.result(of: "round-robin") == nil)
    }

    @Test func `the rounds include the median, in whatever order they are`() {
        #expect(StrategyResult.made("random", p99: 10, rounds: [12, 8]).p99Rounds == 8...12)
        #expect(StrategyResult.made("random", p99: 10, rounds: []).p99Rounds == 10...10)
        #expect(StrategyResult.made("random", p99: .nan, rounds: []).p99Rounds == 0...0)
    }

    @Test func `clean is who has neither failed nor stuck requests, measured who has answers`() {
        #expect(StrategyResult.made("random").isClean)
        #expect(!StrategyResult.made("random", failed: 1).isClean)
        #expect(!StrategyResult.made("random", stuck: 1).isClean)
        #expect(StrategyResult.made("random").isMeasured)
        #expect(!StrategyResult.made("random", perSecond: 0).isMeasured)
        #expect(!StrategyResult.made("random", p99: .nan).isMeasured)
    }
}
