// SPDX-License-Identifier: Apache-2.0

import MaitredBench
import Testing

struct StrategyReportTests {
    @Test func `a regime keeps its strategies in order`() {
        let regime = RegimeResult(name: "short", title: "Short", explanation: "Short ones.", strategies: [])
        #expect(regime.strategies.isEmpty)
    }
}
