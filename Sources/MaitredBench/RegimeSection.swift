// SPDX-License-Identifier: Apache-2.0

/// One regime in the HTML report: what was sent, what suits it, the figures and the plots.
struct RegimeSection {
    private let regime: RegimeResult
    private let number: Int
    private let conditions: StrategyReport.Conditions

    /// A section.
    ///
    /// - Parameters:
    ///   - regime: What was found.
    ///   - number: Its place in the report, from 1 on.
    ///   - conditions: How it was measured.
    init(_ regime: RegimeResult, number: Int, conditions: StrategyReport.Conditions) {
        self.regime = regime
        self.number = number
        self.conditions = conditions
    }

    /// All of it.
    var markup: Markup {
        let heading: [Markup] = [.text("\(regime.title) "), .tag("small", regime.name)]
        return .tag(
            "section",
            ["id": "regime-\(number)"],
            [.tag("h2", heading), .tag("p", regime.explanation)] + advice
                + [StrategyTable(regime.strategies).markup] + latencies + spreads
        )
    }

    private var advice: [Markup] {
        let recommendation = Recommendation(regime, rounds: conditions.rounds)
        let headline = Markup.tag("p", ["class": "advice"], [.tag("strong", recommendation.headline)])
        guard !recommendation.details.isEmpty else { return [headline] }
        return [headline, .tag("ul", recommendation.details.map { .tag("li", $0) })]
    }

    private var latencies: [Markup] {
        guard let drawing = LatencyPlot(regime).drawing else {
            return [.tag("p", ["class": "quiet"], "There are no latencies to draw.")]
        }
        return [
            StrategyTable.figure(
                drawing,
                caption: "Latency by percentile. Lower is better; both axes are logarithmic."
            )
        ]
    }

    private var spreads: [Markup] {
        let drawings = SpreadPlots(regime).drawings
        guard !drawings.isEmpty else {
            return [.tag("p", ["class": "quiet"], "There are no numbers of connections to draw.")]
        }
        let caption =
            "Open connections over the last round, a line for each worker. All plots have the same scales; "
            + "the closer the lines, the more even the workers."
        let plots = drawings.map { strategy, drawing in
            Markup.tag("div", [.tag("p", ["class": "name"], strategy), drawing])
        }
        return [.tag("figure", [.tag("figcaption", caption), .tag("div", ["class": "multiples"], plots)])]
    }
}

/// All figures of all strategies of a regime.
struct StrategyTable {
    private let strategies: [StrategyResult]

    /// A table of strategies, a row for each.
    init(_ strategies: [StrategyResult]) { self.strategies = strategies }

    /// The table with its caption.
    var markup: Markup {
        let columns = FigureColumn.allCases.flatMap { column in
            column == .p99 ? [cells(column), roundCells] : [cells(column)]
        }
        let rows = strategies.indices.map { row in
            Markup.tag("tr", [Self.rowHeading(strategies[row].strategy)] + columns.map { $0[row] })
        }
        let table = Markup.tag(
            "table",
            [
                .tag("thead", [groups, headings]),
                .tag("tbody", rows),
            ]
        )
        return Self.figure(table, caption: "Tinted and bold: the best of its column.")
    }

    /// A table or plot below a caption, in a box that scrolls without it.
    static func figure(_ inside: Markup, caption: String) -> Markup {
        .tag("figure", [.tag("figcaption", caption), .tag("div", ["class": "scroll"], [inside])])
    }

    /// A strategy's name behind a piece of its line.
    static func rowHeading(_ strategy: String) -> Markup {
        let piece = Markup.tag(
            "svg",
            ["viewBox": "0 0 30 8", "class": "piece \(LineStyle.of(strategy).name)", "aria-hidden": "true"],
            [.tag("path", ["class": "curve", "d": "M1 4L29 4"])]
        )
        return .tag("th", ["scope": "row"], [piece, .text(strategy)])
    }

    private var groups: Markup {
        let groups: [(name: String, columns: Int)] = [
            ("", 2), ("latency, ms", 6), ("requests", 2), ("connections", 2), ("CPU, µs", 2),
        ]
        return .tag(
            "tr",
            ["class": "groups"],
            groups.map { name, columns in
                // The line below a name is as long as its columns are together, and does not touch the next.
                let inside: [Markup] = name.isEmpty ? [] : [.tag("span", name)]
                return .tag("th", ["colspan": "\(columns)", "scope": "colgroup"], inside)
            }
        )
    }

    private var headings: Markup {
        let headings = FigureColumn.allCases.flatMap { column in
            column == .p99 ? [column.heading, "its rounds"] : [column.heading]
        }
        return .tag("tr", (["strategy"] + headings).map { .tag("th", ["scope": "col"], $0) })
    }

    private func cells(_ column: FigureColumn) -> [Markup] {
        let best = column.best(strategies)
        return column.cells(strategies).enumerated().map { row, text in
            let isLoss = (column == .failed || column == .stuck) && column.value(of: strategies[row]) != 0
            return .tag("td", ["class": isLoss ? "loss" : best.contains(row) ? "best chosen" : ""], text)
        }
    }

    /// The smallest and the largest p99 of the rounds, all with the same number of digits.
    private var roundCells: [Markup] {
        let bounds = strategies.flatMap { result in
            result.isMeasured ? [result.p99Rounds.lowerBound, result.p99Rounds.upperBound] : [nil, nil]
        }
        let texts = Figure.column(bounds, limit: 9)
        return strategies.indices.map { row in
            let (least, most) = (texts[2 * row], texts[2 * row + 1])
            return .tag("td", ["class": "rounds"], least == most ? least : "\(least)–\(most)")
        }
    }
}
