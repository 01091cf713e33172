// SPDX-License-Identifier: Apache-2.0

/// A report for a terminal, no wider than 100 columns.
package enum StrategyText {
    /// The most characters of a line; only a longer word of a sentence, such as a path, exceeds it.
    package static let width = 100

    /// Everything: conditions, each regime, and what follows for all of them.
    ///
    /// - Parameter report: What was found.
    /// - Returns: Lines, the last of which ends with a newline as well.
    package static func text(_ report: StrategyReport) -> String {
        let conditions = Sentence.wrapped(report.conditions.sentence, width: width).joined(separator: "\n") + "\n"
        let regimes = report.regimes.map { text($0, rounds: report.conditions.rounds) }
        return ([conditions] + regimes + [overall(report)]).joined(separator: "\n")
    }

    /// One regime: heading, table, recommendation.
    ///
    /// - Parameters:
    ///   - regime: What was found.
    ///   - rounds: Rounds that each figure is the median of.
    /// - Returns: Lines, the last of which ends with a newline as well.
    package static func text(_ regime: RegimeResult, rounds: Int) -> String {
        let recommendation = Recommendation(regime, rounds: rounds)
        var lines = Sentence.wrapped("\(regime.name): \(regime.title)", width: width)
        lines += Sentence.wrapped(regime.explanation, width: width)
        lines += [""] + table(regime.strategies) + [""]
        lines += item("=>", recommendation.headline)
        for detail in recommendation.details { lines += item(" -", detail) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The advice for all regimes together.
    ///
    /// - Parameter report: What was found.
    /// - Returns: Lines, the last of which ends with a newline as well.
    package static func overall(_ report: StrategyReport) -> String {
        item("=>", OverallRecommendation(report).sentence).joined(separator: "\n") + "\n"
    }

    private static func item(_ mark: String, _ text: String) -> [String] {
        let lines = Sentence.wrapped(text, width: width - 3)
        return lines.enumerated().map { $0.offset == 0 ? "\(mark) \($0.element)" : "   \($0.element)" }
    }

    /// Two lines of headings, then a line for each strategy.
    static func table(_ strategies: [StrategyResult]) -> [String] {
        let names = ["strategy"] + strategies.map { Sentence.shortened($0.strategy, to: longestName) }
        let columns = FigureColumn.allCases.map { [heading($0)] + $0.cells(strategies, limit: limit($0)) }
        let nameWidth = names.map(\.count).max() ?? 0
        let widths = columns.map { $0.map(\.count).max() ?? 0 }
        let gap = nameWidth + widths.reduce(0, +) + 2 * widths.count <= width ? 2 : 1
        let rows = names.indices.map { row in
            zip(columns, widths).reduce(into: padded(names[row], to: nameWidth)) { line, column in
                line += blanks(gap + column.1 - column.0[row].count) + column.0[row]
            }
        }
        return [groups(after: nameWidth, widths, gap: gap)] + rows
    }

    /// Seventeen characters of name, eleven columns of six and one of five, and twelve blanks are 100.
    private static func limit(_ column: FigureColumn) -> Int { column == .maxOverMean ? 5 : 6 }

    private static let longestName = 17

    /// What stands above several columns, or is the first line of a heading; together all columns.
    private static let groups: [(name: String, columns: Int)] = [
        ("", 1), ("latency, ms", 5), ("requests", 2), ("max/", 1), ("std.", 1), ("CPU, us", 2),
    ]

    /// The line of groups: in the middle above several columns, to the right above one.
    private static func groups(after start: Int, _ widths: [Int], gap: Int) -> String {
        var line = ""
        var end = start
        var rest = widths[...]
        for (name, count) in groups {
            let start = end + gap
            end = rest.prefix(count).reduce(end) { $0 + gap + $1 }
            rest = rest.dropFirst(count)
            guard !name.isEmpty else { continue }
            let place = count == 1 ? end - name.count : start + (end - start - name.count) / 2
            line = padded(line, to: place) + name
        }
        return line
    }

    private static func heading(_ column: FigureColumn) -> String {
        switch column {
        case .maxOverMean: "mean"
        case .deviation: "dev."
        case .workerCPU: "worker"
        default: column.heading
        }
    }

    private static func padded(_ text: String, to size: Int) -> String {
        text + blanks(size - text.count)
    }

    private static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
}
