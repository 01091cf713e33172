// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSimulator

struct SimulationTableTests {
    @Test func `a row is as wide as the heading, and has ratios to the ideal`() {
        let outcome = Outcome(latencies: [1, 2, 300], meanWait: 12, spread: 1.5)
        let ideal = Outcome(latencies: [1, 1, 100], meanWait: 6, spread: nil)
        #expect(
            SimulationTable.heading
                == "load  strategy                p50      x      p99      x    p99.9      x     wait      x   spread"
        )
        #expect(
            SimulationTable.row(outcome, of: "round-robin", load: 0.7, ideal: ideal)
                == "0.70  round-robin             2.0   2.00    300.0   3.00    300.0   3.00     12.0   2.00     1.50"
        )
        #expect(
            SimulationTable.row(ideal, of: "ideal queue", load: 0.7, ideal: ideal)
                == "0.70  ideal queue             1.0   1.00    100.0   1.00    100.0   1.00      6.0   1.00        -"
        )
    }

    @Test(arguments: [
        (0.0, 1, "0.0"), (0.05, 1, "0.1"), (1.005, 2, "1.00"), (12.346, 2, "12.35"), (0.999, 2, "1.00"),
        (7, 3, "7.000"),
        (.nan, 1, "-"), (.infinity, 2, "-"), (-1, 1, "-"), (1e15, 1, "-"),
    ])
    func `numbers have a fixed number of decimals`(_ row: (value: Double, digits: Int, text: String)) {
        #expect(SimulationTable.fixed(row.value, digits: row.digits) == row.text)
    }

    @Test func `a quantile is the value that so many do not exceed`() {
        let outcome = Outcome(latencies: [5, 1, 4, 2, 3], meanWait: 0, spread: nil)
        #expect([0, 0.2, 0.21, 0.5, 0.8, 0.99, 1].map(outcome.quantile) == [1, 1, 2, 3, 4, 5, 5])
        #expect(Outcome(latencies: [], meanWait: 0, spread: nil).quantile(0.5) == 0)
    }
}
