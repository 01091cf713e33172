// SPDX-License-Identifier: Apache-2.0

/// Rows under headings, in as many columns as a width has room for.
struct Table {
    /// What all cells of a column have in common.
    struct Column {
        let heading: String
        var headingPaint = Paint.quiet
        /// Numbers stand to the right, words to the left.
        let isNumber: Bool
        /// The column with the least is left out first.
        let importance: Int
    }

    /// One text in a row.
    struct Cell: Equatable {
        let text: String
        var paint = Paint.plain
    }

    private let columns: [Column]
    private let rows: [[Cell]]
    private let widths: [Int]

    /// Makes a table of rows that have as many cells as there are columns.
    init(columns: [Column], rows: [[Cell]]) {
        self.columns = columns
        self.rows = rows
        widths = columns.indices.map { index in
            rows.reduce(TextWidth.of(columns[index].heading)) { max($0, TextWidth.of($1[index].text)) }
        }
    }

    /// Whether all columns fit, with comfortable gaps.
    func fits(_ limit: Int) -> Bool {
        width(of: Array(columns.indices), gap: Self.wideGap) <= limit
    }

    /// The heading, then the rows.
    ///
    /// - Parameter limit: The most columns of the terminal; nil for any number.
    /// - Returns: Lines that are no wider, unless even the most important column alone is.
    func lines(width limit: Int?) -> [StyledLine] {
        let (shown, gap) = layout(limit)
        let heading = columns.map { Cell(text: $0.heading, paint: $0.headingPaint) }
        return ([heading] + rows).map { line($0, shown, gap: gap) }
    }

    private static let wideGap = 2
    private static let narrowGap = 1

    /// The columns that are shown, and the blanks between them.
    private func layout(_ limit: Int?) -> (shown: [Int], gap: Int) {
        var shown = Array(columns.indices)
        guard let limit else { return (shown, Self.wideGap) }
        while true {
            if width(of: shown, gap: Self.wideGap) <= limit { return (shown, Self.wideGap) }
            if width(of: shown, gap: Self.narrowGap) <= limit || shown.count == 1 { return (shown, Self.narrowGap) }
            let least = shown.min { columns[$0].importance < columns[$1].importance }
            shown.removeAll { $0 == least }
        }
    }

    private func width(of shown: [Int], gap: Int) -> Int {
        shown.reduce(0) { $0 + widths[$1] } + gap * (shown.count - 1)
    }

    private func line(_ cells: [Cell], _ shown: [Int], gap: Int) -> StyledLine {
        var line = StyledLine()
        var start = 0
        for index in shown {
            let cell = cells[index]
            let blanks = columns[index].isNumber ? widths[index] - TextWidth.of(cell.text) : 0
            // Nothing is padded behind the last text of a line.
            if !cell.text.isEmpty {
                line.pad(to: start + blanks)
                line.append(cell.text, cell.paint)
            }
            start += widths[index] + gap
        }
        return line
    }
}
