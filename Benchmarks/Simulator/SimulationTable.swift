// SPDX-License-Identifier: Apache-2.0

/// Outcomes as lines of text, each beside that of the ideal queue.
package enum SimulationTable {
    /// Columns that are followed by their ratio to the ideal.
    private static let columns: [(name: String, value: @Sendable (Outcome) -> Double)] = [
        ("p50", { $0.quantile(0.5) }), ("p99", { $0.quantile(0.99) }), ("p99.9", { $0.quantile(0.999) }),
        ("wait", { $0.meanWait }),
    ]

    // Widths: the largest figures that occur, and a space.
    private static let loadWidth = 6
    private static let nameWidth = 18
    private static let figureWidth = 9
    private static let ratioWidth = 7

    /// The names of the columns.
    package static var heading: String {
        columns.reduce(start("load", "strategy")) { line, column in
            line + padded(column.name, figureWidth) + padded("x", ratioWidth)
        } + padded("spread", figureWidth)
    }

    /// One outcome.
    ///
    /// - Parameters:
    ///   - outcome: the figures.
    ///   - name: whose they are.
    ///   - load: at which load.
    ///   - ideal: what the ratios are to.
    /// - Returns: a line without its end.
    package static func row(_ outcome: Outcome, of name: String, load: Double, ideal: Outcome) -> String {
        columns.reduce(start(fixed(load, digits: 2), name)) { line, column in
            let value = column.value(outcome)
            let ratio = value / column.value(ideal)
            return line + padded(fixed(value, digits: 1), figureWidth) + padded(fixed(ratio, digits: 2), ratioWidth)
        } + padded(outcome.spread.map { fixed($0, digits: 2) } ?? "-", figureWidth)
    }

    private static func start(_ load: String, _ name: String) -> String {
        load + spaces(loadWidth - load.count) + name + spaces(nameWidth - name.count)
    }

    private static func padded(_ text: String, _ width: Int) -> String { spaces(width - text.count) + text }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(count, 1)) }

    /// A number that is not negative, with a fixed number of decimals.
    ///
    /// - Parameters:
    ///   - value: the number; what is no number, or 10^15 and above, is written as `-`.
    ///   - digits: decimals, 1 or more.
    /// - Returns: the text.
    static func fixed(_ value: Double, digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        guard value >= 0, value < 1e15 else { return "-" }
        let scaled = Int((value * Double(scale)).rounded())
        let decimals = String(scaled % scale)
        return "\(scaled / scale).\(String(repeating: "0", count: digits - decimals.count))\(decimals)"
    }
}
