// SPDX-License-Identifier: Apache-2.0

/// A figure that every strategy has, as a column of a table.
enum FigureColumn: CaseIterable {
    case perSecond
    case p50
    case p90
    case p99
    case p999
    case max
    case failed
    case stuck
    case maxOverMean
    case deviation
    case masterCPU
    case workerCPU

    /// What the column is called, below the heading of its group.
    var heading: String {
        switch self {
        case .perSecond: "/s"
        case .p50: "p50"
        case .p90: "p90"
        case .p99: "p99"
        case .p999: "p99.9"
        case .max: "max"
        case .failed: "failed"
        case .stuck: "stuck"
        case .maxOverMean: "max/mean"
        case .deviation: "deviation"
        case .masterCPU: "master"
        case .workerCPU: "workers"
        }
    }

    /// The figure; nil where a strategy without answers has none.
    func value(of result: StrategyResult) -> Double? {
        switch self {
        case .perSecond: result.perSecond
        case .p50: result.isMeasured ? result.p50 : nil
        case .p90: result.isMeasured ? result.p90 : nil
        case .p99: result.isMeasured ? result.p99 : nil
        case .p999: result.isMeasured ? result.p999 : nil
        case .max: result.isMeasured ? result.max : nil
        case .failed: Double(result.failed)
        case .stuck: Double(result.stuck)
        case .maxOverMean: result.maxOverMean
        case .deviation: result.deviation
        case .masterCPU: result.isMeasured ? result.masterCPU : nil
        case .workerCPU: result.isMeasured ? result.workerCPU : nil
        }
    }

    /// The column's texts, each of at most `limit` characters.
    func cells(_ results: [StrategyResult], limit: Int = 9) -> [String] {
        Figure.column(results.map(value), limit: limit, places: places)
    }

    /// The most digits behind the point that are worth reading.
    private var places: Int {
        switch self {
        case .failed, .stuck: 0
        case .perSecond, .masterCPU, .workerCPU: 1
        case .maxOverMean, .deviation: 2
        case .p50, .p90, .p99, .p999, .max: 3
        }
    }

    /// The rows with the best figure, told apart as far as the texts do.
    ///
    /// - Returns: Nothing where all are the same.
    func best(_ results: [StrategyResult]) -> Set<Int> {
        let values = results.map { value(of: $0) ?? .nan }
        let known = values.filter(\.isFinite)
        guard let best = self == .perSecond ? known.max() : known.min() else { return [] }
        let texts = cells(results)
        guard let row = values.firstIndex(of: best) else { return [] }
        let rows = texts.indices.filter { texts[$0] == texts[row] }
        return rows.count == results.count ? [] : Set(rows)
    }
}
