// SPDX-License-Identifier: Apache-2.0

/// A report as one HTML file that needs nothing else: no network, no script, styles and plots within it.
package enum HTMLReport {
    /// Writes the file's text.
    ///
    /// - Parameter report: What was found.
    /// - Returns: The whole file.
    package static func text(_ report: StrategyReport) -> String {
        let title = "maitred: strategies compared"
        let head = Markup.tag(
            "head",
            [
                .tag("meta", ["charset": "utf-8"]),
                .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .tag("meta", ["name": "color-scheme", "content": "light dark"]),
                .tag("title", title),
                .tag("style", stylesheet),
            ]
        )
        let sections = report.regimes.enumerated().map { index, regime in
            RegimeSection(regime, number: index + 1, conditions: report.conditions).markup
        }
        let main = Markup.tag("main", [header(title, report)] + sections + [notes])
        let document = Markup.tag("html", ["lang": "en"], [head, .tag("body", [main])])
        return "<!DOCTYPE html>\n" + document.written + "\n"
    }

    private static func header(_ title: String, _ report: StrategyReport) -> Markup {
        let conditions = report.conditions
        return .tag(
            "header",
            [
                .tag("h1", title),
                .tag("p", ["class": "quiet"], "\(conditions.place); \(conditions.method)."),
                .tag("p", ["class": "quiet"], [.tag("code", conditions.command)]),
                .tag("p", ["class": "advice"], [.tag("strong", OverallRecommendation(report).sentence)]),
            ] + (report.regimes.isEmpty ? [] : [Overview(report).markup])
        )
    }

    /// What the figures mean, once for all tables.
    private static var notes: Markup {
        let statements = [
            "Latencies are milliseconds, CPU times microseconds for each good answer.",
            "/s are good answers a second. Failed and stuck requests are those of all rounds together; "
                + "stuck are those without an answer in time.",
            "The curves are made of all rounds together, the plots of connections of the last round.",
            "max/mean is the number of connections of the fullest worker divided by the mean of all, deviation the "
                + "standard deviation between workers, both averaged over the moments that were looked at.",
            "There is no difference that the rounds show when the ranges of p99 over the rounds overlap.",
        ]
        return .tag(
            "section",
            ["class": "notes"],
            [.tag("h2", "What the figures are"), .tag("ul", statements.map { .tag("li", $0) })]
        )
    }
}

/// The p99 of every strategy in every regime, on one look.
struct Overview {
    private let report: StrategyReport

    /// An overview of a report.
    init(_ report: StrategyReport) { self.report = report }

    /// The table: a row for each strategy, a column for each regime.
    var markup: Markup {
        var names: [String] = []
        for result in report.regimes.flatMap(\.strategies) where !names.contains(result.strategy) {
            names.append(result.strategy)
        }
        let columns = report.regimes.map { column($0, names) }
        let heading = report.regimes.enumerated().map { index, regime in
            Markup.tag("th", ["scope": "col"], [.tag("a", ["href": "#regime-\(index + 1)"], regime.name)])
        }
        let rows = names.indices.map { row in
            Markup.tag("tr", [StrategyTable.rowHeading(names[row])] + columns.map { $0[row] })
        }
        let caption =
            "p99 in milliseconds. Bold: recommended. Tinted: no difference from the best that the rounds show. "
            + "Struck out: requests failed or were stuck."
        let table = Markup.tag(
            "table",
            [
                .tag("thead", [.tag("tr", [.tag("th", ["scope": "col"], "strategy")] + heading)]),
                .tag("tbody", rows),
            ]
        )
        return StrategyTable.figure(table, caption: caption)
    }

    private func column(_ regime: RegimeResult, _ names: [String]) -> [Markup] {
        let recommendation = Recommendation(regime, rounds: report.conditions.rounds)
        let results = names.map(regime.result)
        let texts = Figure.column(results.map { $0.flatMap(FigureColumn.p99.value) }, limit: 9)
        return names.indices.map { row in
            let isChosen = recommendation.strategy == names[row]
            let isEqual = recommendation.equals.contains(names[row])
            let isFlawed = results[row].map { !$0.isClean } ?? false
            let style = isChosen ? "best chosen" : isEqual ? "best" : isFlawed ? "flawed" : ""
            return .tag("td", ["class": style], texts[row])
        }
    }
}
