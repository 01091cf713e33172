// SPDX-License-Identifier: Apache-2.0

import Histogram
import MaitredBench
import MaitredLoad

extension StrategyResult {
    /// The percentiles of a curve: ever closer to 100, equal distances on an axis of nines.
    private static let curvePercentiles: [Double] =
        [
            0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97.5, 98, 98.5, 99, 99.25, 99.5, 99.75, 99.9,
            99.95, 99.99,
        ]

    /// Puts the rounds of one strategy together.
    ///
    /// - Parameters:
    ///   - strategy: Its name.
    ///   - rounds: What each round found, at least one.
    init(_ strategy: String, rounds: [RegimeRun]) {
        let latencies = rounds.map { LoadReport.Latency($0.result.latency) }
        var all = LoadResult.emptyHistogram()
        for round in rounds { all.add(round.result.latency) }
        let merged = all
        let spreads = rounds.flatMap(\.spreads).map { Evenness($0.open) }.filter { $0.total > 0 }
        let p99 = latencies.map(\.p99)
        self.init(
            strategy: strategy,
            perSecond: median(
                rounds.map { Double($0.result.answered) / Swift.max(1e-9, $0.result.time / .seconds(1)) }
            ),
            p50: median(latencies.map(\.p50)),
            p90: median(latencies.map(\.p90)),
            p99: median(p99),
            p999: median(latencies.map(\.p999)),
            max: median(latencies.map(\.max)),
            p99Range: [p99.min() ?? 0, p99.max() ?? 0],
            failed: rounds.reduce(0) { $0 + Int($1.result.failed - ($1.result.errors[.timeout] ?? 0)) },
            stuck: rounds.reduce(0) { $0 + Int($1.result.errors[.timeout] ?? 0) },
            maxOverMean: mean(spreads.map(\.maxOverMean)),
            deviation: mean(spreads.map(\.deviation)),
            masterCPU: median(rounds.map { microseconds($0.masterCPU, per: $0.result.answered) }),
            workerCPU: median(rounds.map { microseconds($0.workerCPU, per: $0.result.answered) }),
            curve: merged.totalCount == 0
                ? []
                : Self.curvePercentiles.map {
                    CurvePoint(percentile: $0, milliseconds: Double(merged.valueAtPercentile($0)) / 1e6)
                },
            spreads: rounds.last?.spreads ?? []
        )
    }
}

/// How evenly connections lie.
private struct Evenness {
    let total: Int
    let maxOverMean: Double
    let deviation: Double

    init(_ open: [Int]) {
        total = open.reduce(0, +)
        let mean = Double(total) / Double(max(1, open.count))
        maxOverMean = total > 0 ? Double(open.max() ?? 0) / mean : 0
        let squares = open.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        deviation = (squares / Double(max(1, open.count))).squareRoot()
    }
}

private func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
}

private func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

private func microseconds(_ time: Duration, per count: UInt64) -> Double {
    count == 0 ? 0 : time / .microseconds(1) / Double(count)
}
