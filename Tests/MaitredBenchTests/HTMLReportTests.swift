// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredBench

struct MarkupTests {
    @Test func `text and attributes are escaped`() {
        let markup = Markup.tag("p", ["title": "\"<&'"], "<script>&\u{0}\u{7}")
        #expect(
            markup.written
                == "<p title=\"&quot;&lt;&amp;&#39;\">&lt;script&gt;&amp;\u{FFFD}\u{FFFD}</p>\n"
        )
    }

    @Test func `elements without an inside close themselves, others do not`() {
        #expect(Markup.tag("td", []).written == "<td></td>")
        #expect(Markup.tag("meta", ["charset": "utf-8"]).written == "<meta charset=\"utf-8\"/>")
        #expect(Markup.tag("td", ["class": ""], "1").written == "<td>1</td>")
    }
}

struct HTMLReportTests {
    private static let strategies = Recommendation.simplicity.enumerated().map { index, name in
        StrategyResult.made(name, p99: Double(index + 1) * 7)
    }

    private static let report = StrategyReport.made(
        ["short", "stall", "heterogeneous"].map { RegimeResult.made($0, strategies) }
    )

    @Test(arguments: [report, .made([]), .made([.made([])]), .wild])
    func `each tag is closed in order`(_ report: StrategyReport) throws {
        let tags = try #require(Tag.all(in: HTMLReport.text(report)))
        #expect(Tag.areInOrder(tags))
        #expect(tags.first?.name == "html")
    }

    @Test func `the check of tags finds what is wrong`() throws {
        #expect(Tag.all(in: "<p>a > b</p>") == nil)
        #expect(Tag.all(in: "<p class=x></p>") == nil)
        #expect(!Tag.areInOrder(try #require(Tag.all(in: "<p><b></p></b>"))))
        #expect(!Tag.areInOrder(try #require(Tag.all(in: "<p>"))))
    }

    @Test func `it needs nothing from elsewhere and runs nothing`() throws {
        let text = HTMLReport.text(Self.report)
        for word in ["http", "url(", "@import", "src="] { #expect(!text.contains(word)) }
        let tags = try #require(Tag.all(in: text))
        #expect(!tags.contains { ["script", "link", "img", "iframe"].contains($0.name) })
        // Links lead to what is there.
        let targets = Set(tags.compactMap { $0.attributes["id"] }.map { "#\($0)" })
        #expect(tags.compactMap { $0.attributes["href"] }.allSatisfy(targets.contains))
    }

    @Test func `nothing that a report says becomes an element`() throws {
        let text = HTMLReport.text(.wild)
        #expect(!text.contains("<script"))
        #expect(!text.contains("<b>"))
        #expect(text.contains("&lt;script&gt;"))
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    @Test func `no number in a drawing is anything but a number`() throws {
        for report in [Self.report, .wild, .made([.made([.made("random", curve: [], spreads: [])])])] {
            for tag in try #require(Tag.all(in: HTMLReport.text(report))) {
                for key in ["d", "x", "y", "x1", "x2", "y1", "y2", "viewBox"] {
                    let value = tag.attributes[key] ?? ""
                    #expect(!value.contains("nan") && !value.contains("inf") && !value.contains("- "))
                }
            }
        }
    }

    @Test func `it says conditions, recommendations and every figure`() {
        let text = HTMLReport.text(Self.report)
        #expect(text.contains("2 processors (A Processor), 4 workers; medians of 3 rounds of 10 s."))
        #expect(text.contains("<code>maitred bench strategies</code>"))
        #expect(text.contains("<strong>For all regimes together: round-robin"))
        for regime in Self.report.regimes {
            let recommendation = Recommendation(regime, rounds: 3)
            for sentence in [recommendation.headline] + recommendation.details {
                #expect(text.contains(Markup.escaped(sentence)))
            }
        }
        #expect(text.contains("<td class=\"best chosen\">7.00</td><td class=\"rounds\">6.65–7.35</td>"))
    }

    @Test func `failed and stuck requests stand out`() {
        let text = HTMLReport.text(.made([.made([.made("random", failed: 3), .made("kernel")])]))
        #expect(text.contains("<td class=\"loss\">3</td>"))
        #expect(text.contains("<td class=\"flawed\">"))
    }

    @Test func `light, dark and paper have their rules, balanced`() {
        let rules = HTMLReport.stylesheet
        #expect(rules.contains("prefers-color-scheme: dark"))
        #expect(rules.contains("@media print"))
        #expect(rules.count { $0 == "{" } == rules.count { $0 == "}" })
        #expect(Markup.escaped(rules) == rules)
    }
}

struct LatencyPlotTests {
    private func tags(_ strategies: [StrategyResult]) throws -> [Tag] {
        try #require(Tag.all(in: LatencyPlot(.made(strategies)).drawing?.written ?? ""))
    }

    @Test func `each further nine has the same room`() {
        let nines = [0, 90, 99, 99.9, 99.99].map { LatencyPlot.nines($0) ?? -1 }
        for (found, expected) in zip(nines, 0...) { #expect(abs(found - Double(expected)) < 1e-9) }
        #expect(LatencyPlot.nines(100) == nil)
        #expect(LatencyPlot.nines(-1) == nil)
        #expect(LatencyPlot.nines(.nan) == nil)
    }

    @Test func `all lines are within the plot and all names within the drawing`() throws {
        let strategies = Recommendation.simplicity.map {
            StrategyResult.made($0, p99: $0.count.isMultiple(of: 2) ? 5 : 500)
        }
        let tags = try tags(strategies)
        let curves = tags.filter { ($0.attributes["class"] ?? "").hasPrefix("curve s") }
        #expect(curves.count == 8)
        for point in curves.flatMap(\.points) {
            #expect((70...516).contains(point.x) && (12...322).contains(point.y))
        }
        let names = tags.filter { $0.attributes["class"] == "name" }.compactMap { Double($0.attributes["y"] ?? "") }
        #expect(names.count == 8)
        for (one, next) in zip(names.sorted(), names.sorted().dropFirst()) { #expect(next - one >= 18.9) }
        #expect(names.allSatisfy { (12...330).contains($0) })
    }

    @Test func `a latency of zero is at the bottom, and percentiles without a place are left out`() throws {
        let curve = [(0, 0), (90, 2), (99.99, 9), (99.999, 50), (100, 90)]
            .map { StrategyResult.CurvePoint(percentile: $0, milliseconds: $1) }
        let line = try #require(tags([.made("random", curve: curve)]).first { $0.attributes["class"] == "curve s6" })
        #expect(line.points.count == 3)
        #expect(line.points.first == PathPoint(x: 70, y: 322))
        #expect(line.points.last?.x == 516)
    }

    @Test func `without curves there is no drawing, and one point is a dot`() throws {
        #expect(LatencyPlot(.made([])).drawing == nil)
        #expect(LatencyPlot(.made([.made("random", curve: [])])).drawing == nil)
        let one = StrategyResult.CurvePoint(percentile: 99, milliseconds: 3)
        #expect(try tags([.made("random", curve: [one])]).contains { $0.attributes["class"] == "curve s6 dot" })
    }

    @Test func `every strategy has a colour and dashes of its own`() {
        let names = Recommendation.simplicity.map { LineStyle.of($0).name } + [LineStyle.of("?").name]
        #expect(Set(names).count == 9)
        let dashes = LineStyle.lightRules.split(separator: "\n").compactMap { $0.split(separator: "--dashes:").last }
        #expect(Set(dashes).count == 9)
    }
}

struct SpreadPlotsTests {
    @Test func `there is a line for each worker, within the plot, on scales that all plots share`() throws {
        let few = (0...4).map { StrategyResult.Spread(second: Double($0), open: [1, $0]) }
        let many = (0...9).map { StrategyResult.Spread(second: Double($0), open: [$0 * 10, 5, 0]) }
        let drawings = SpreadPlots(.made([.made("random", spreads: few), .made("kernel", spreads: many)])).drawings
        #expect(drawings.map(\.strategy) == ["random", "kernel"])
        let tags = try drawings.map { try #require(Tag.all(in: $0.drawing.written)) }
        let lines = tags.map { $0.filter { $0.attributes["class"] == "worker" } }
        #expect(lines.map(\.count) == [2, 3])
        for point in lines.joined().flatMap(\.points) {
            #expect((38...252).contains(point.x) && (8...104).contains(point.y))
        }
        // A hundred at the top of both, so one connection is just above the bottom.
        #expect(lines[0][0].points.first == PathPoint(x: 38, y: 103))
    }

    @Test func `workers that come later have shorter lines, and without any there is no plot`() throws {
        let spreads = [
            StrategyResult.Spread(second: 0, open: [2]), StrategyResult.Spread(second: 1, open: [2, 1]),
            StrategyResult.Spread(second: 2, open: [1, 2]),
        ]
        let drawing = try #require(SpreadPlots(.made([.made("random", spreads: spreads)])).drawings.first).drawing
        let lines = try #require(Tag.all(in: drawing.written)).filter { $0.attributes["class"] == "worker" }
        #expect(lines.map(\.points.count) == [3, 2])
        #expect(SpreadPlots(.made([.made("random", spreads: [])])).drawings.isEmpty)
        #expect(SpreadPlots(.made([])).drawings.isEmpty)
    }
}
