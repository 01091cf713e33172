// SPDX-License-Identifier: Apache-2.0

/// Connections of each worker over time: a small plot for each strategy, all of them with the same scales.
struct SpreadPlots {
    private static let width = 260.0
    private static let height = 128.0
    private static let left = 38.0
    private static let right = 252.0
    private static let top = 8.0
    private static let bottom = 104.0

    private let strategies: [StrategyResult]
    /// Seconds, as positions.
    private let across: Scale
    /// Connections, as positions.
    private let up: Scale

    /// Plots of all strategies of a regime of which anything was seen.
    init(_ regime: RegimeResult) {
        strategies = regime.strategies.filter { result in result.spreads.contains { !$0.open.isEmpty } }
        let spreads = strategies.flatMap(\.spreads)
        across = Scale(from0To: spreads.map(\.second), steps: 3, start: Self.left, end: Self.right)
        // Half a connection does not exist: an axis of few ends at a whole number for each step.
        let most = spreads.flatMap(\.open).max() ?? 0
        up = Scale(from0To: [Double(max(most, 2))], steps: 3, start: Self.bottom, end: Self.top)
    }

    /// The drawings with the names of their strategies; none if nothing was seen.
    var drawings: [(strategy: String, drawing: Markup)] {
        strategies.map { ($0.strategy, drawing($0)) }
    }

    private func drawing(_ result: StrategyResult) -> Markup {
        .tag(
            "svg",
            [
                "viewBox": "0 0 \(Figure.plain(Self.width)) \(Figure.plain(Self.height))",
                "class": "spread \(LineStyle.of(result.strategy).name)", "role": "img",
                "aria-label": "Connections of each worker over time with \(result.strategy)",
            ],
            grid + lines(result)
        )
    }

    private func lines(_ result: StrategyResult) -> [Markup] {
        let workers = result.spreads.map(\.open.count).max() ?? 0
        return (0..<workers).map { worker in
            let points = result.spreads.compactMap { spread -> PathData.Point? in
                guard worker < spread.open.count, let x = across.position(spread.second),
                    let y = up.position(Double(spread.open[worker]))
                else { return nil }
                return PathData.Point(x: x, y: y)
            }
            return .tag("path", ["class": "worker", "d": PathData.line(points)])
        }
    }

    private var grid: [Markup] {
        let levels = up.ticks.flatMap { tick -> [Markup] in
            let y = up.position(tick) ?? Self.bottom
            return [
                Drawing.gridLine(x1: Self.left, y1: y, x2: Self.right, y2: y),
                Drawing.text(Drawing.number(tick), x: Self.left - 6, y: y + 4, anchor: "end"),
            ]
        }
        let seconds = across.ticks.map { tick in
            let isLast = tick == across.ticks.last
            return Drawing.text(
                Drawing.number(tick) + (isLast ? " s" : ""),
                x: across.position(tick) ?? Self.left,
                y: Self.bottom + 18,
                anchor: isLast ? "end" : "middle"
            )
        }
        return levels + seconds
    }
}
