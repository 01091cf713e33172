// SPDX-License-Identifier: Apache-2.0

/// Latency by percentile, a line for each strategy.
///
/// The scale of percentiles gives each further nine the same room, as what matters is at that end.
struct LatencyPlot {
    private static let width = 690.0
    private static let height = 372.0
    /// Numbers of the axes are to the left and below, names of the lines to the right.
    private static let left = 70.0
    private static let right = 516.0
    private static let top = 12.0
    private static let bottom = 322.0
    private static let labelDistance = 19.0

    private static let percentiles = [0, 50, 90, 99, 99.9, 99.99]

    private let strategies: [StrategyResult]
    /// Percentiles, as positions.
    private let across: Scale
    /// Milliseconds, as positions.
    private let up: Scale

    /// A plot of all strategies of a regime that have a curve.
    init(_ regime: RegimeResult) {
        let strategies = regime.strategies.filter { !Self.shown($0.curve).isEmpty }
        self.strategies = strategies
        across = Scale(
            0...4,
            ticks: Self.percentiles.compactMap(Self.nines),
            start: Self.left,
            end: Self.right
        )
        up = Scale(
            logarithmic: strategies.flatMap { Self.shown($0.curve).map(\.milliseconds) },
            start: Self.bottom,
            end: Self.top
        )
    }

    /// How many nines a percentile has: 1 for 90, 2 for 99; nil from 100 on, which has no end of them.
    static func nines(_ percentile: Double) -> Double? {
        guard percentile >= 0 else { return nil }
        return Decades.logarithm(1 - percentile / 100).map { max(0, -$0) }
    }

    /// The points of a curve that have a place on the axis.
    private static func shown(_ curve: [StrategyResult.CurvePoint]) -> [StrategyResult.CurvePoint] {
        curve.filter { point in
            point.milliseconds.isFinite && (nines(point.percentile).map { $0 <= 4 + 1e-6 } ?? false)
        }
    }

    /// The drawing; nil if no strategy has a curve.
    var drawing: Markup? {
        guard !strategies.isEmpty else { return nil }
        let lines = strategies.map(points)
        let names = Sentence.list(strategies.map(\.strategy))
        return .tag(
            "svg",
            [
                "viewBox": "0 0 \(Figure.plain(Self.width)) \(Figure.plain(Self.height))",
                "class": "latency", "role": "img", "aria-label": "Latency by percentile with \(names)",
            ],
            grid + zip(strategies, lines).map(curve) + labels(lines)
        )
    }

    private func points(_ result: StrategyResult) -> [PathData.Point] {
        Self.shown(result.curve).compactMap { point in
            guard let nines = Self.nines(point.percentile), let x = across.position(nines),
                let y = up.position(point.milliseconds)
            else { return nil }
            return PathData.Point(x: x, y: y)
        }
    }

    private func curve(_ result: StrategyResult, _ points: [PathData.Point]) -> Markup {
        let style = LineStyle.of(result.strategy).name
        return .tag(
            "path",
            ["class": "curve \(style)\(points.count == 1 ? " dot" : "")", "d": PathData.line(points)]
        )
    }

    // MARK: - Axes

    private var grid: [Markup] {
        let levels = up.ticks.flatMap { tick -> [Markup] in
            let y = up.position(tick) ?? Self.bottom
            let unit = tick == up.ticks.last ? " ms" : ""
            return [
                Drawing.gridLine(x1: Self.left, y1: y, x2: Self.right, y2: y),
                Drawing.text(Drawing.number(tick) + unit, x: Self.left - 8, y: y + 4.5, anchor: "end"),
            ]
        }
        let percentiles = Self.percentiles.flatMap { percentile -> [Markup] in
            let x = Self.nines(percentile).flatMap(across.position) ?? Self.left
            let unit = percentile == Self.percentiles.last ? " %" : ""
            return [
                Drawing.gridLine(x1: x, y1: Self.top, x2: x, y2: Self.bottom),
                Drawing.text(Figure.plain(percentile) + unit, x: x, y: Self.bottom + 20, anchor: "middle"),
            ]
        }
        let title = Drawing.text(
            "of the requests were answered within this time",
            x: (Self.left + Self.right) / 2,
            y: Self.bottom + 42,
            anchor: "middle"
        )
        return levels + percentiles + [title]
    }

    // MARK: - Names

    /// The name of each line to the right of its end, with a piece of it; a hair leads from one to the other.
    private func labels(_ lines: [[PathData.Point]]) -> [Markup] {
        let ends = lines.map { $0.last ?? PathData.Point(x: Self.right, y: Self.bottom) }
        let places = LabelColumn.places(
            ends.map(\.y),
            distance: Self.labelDistance,
            within: (Self.top + 5)...(Self.bottom - 5)
        )
        return strategies.indices.map { index in
            let style = LineStyle.of(strategies[index].strategy).name
            let hair = PathData.line([
                ends[index],
                PathData.Point(x: Self.right, y: ends[index].y),
                PathData.Point(x: Self.right + 16, y: places[index]),
            ])
            let piece = PathData.line([
                PathData.Point(x: Self.right + 16, y: places[index]),
                PathData.Point(x: Self.right + 42, y: places[index]),
            ])
            return .tag(
                "g",
                ["class": style],
                [
                    .tag("path", ["class": "hair", "d": hair]),
                    .tag("path", ["class": "curve", "d": piece]),
                    Drawing.text(
                        // There is room for the longest of maitred's names.
                        Sentence.shortened(strategies[index].strategy, to: 17),
                        x: Self.right + 48,
                        y: places[index] + 4.5,
                        anchor: "start",
                        style: "name"
                    ),
                ]
            )
        }
    }
}

/// Pieces that plots have in common.
enum Drawing {
    /// A number beside an axis: without zeros that say nothing, and from a million on in thousands.
    static func number(_ value: Double) -> String {
        value < 1e6 ? Figure.plain(value) : Figure.column([value], limit: 5).joined()
    }

    /// A thin line behind everything.
    static func gridLine(x1: Double, y1: Double, x2: Double, y2: Double) -> Markup {
        .tag(
            "line",
            [
                "class": "grid", "x1": PathData.number(x1), "y1": PathData.number(y1),
                "x2": PathData.number(x2), "y2": PathData.number(y2),
            ]
        )
    }

    /// A text on a base line.
    static func text(_ text: String, x: Double, y: Double, anchor: String, style: String = "tick") -> Markup {
        .tag(
            "text",
            ["class": style, "x": PathData.number(x), "y": PathData.number(y), "text-anchor": anchor],
            text
        )
    }
}
