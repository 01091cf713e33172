// SPDX-License-Identifier: Apache-2.0

package import MaitredControl

/// What `maitred top` shows, and what a key changes about it: a value, without the terminal.
///
///     head, cut from below when there is little room
///     (empty)
///     heading of the table
///     rows, as many as fit, from `first` on
///     footer: keys, which rows are shown
package struct TopScreen: Sendable {
    /// What is to happen after a key.
    package enum Reaction: Equatable, Sendable {
        case nothing
        /// The screen looks different now.
        case draw
        /// A new report is wanted at once.
        case refresh
        case quit
    }

    /// The report that is shown.
    private var report: StatusReport
    /// Said in the footer in place of the keys; nil for nothing.
    package var notice: String?

    private var order = WorkerOrder.slots
    private var showsHelp = false
    /// The row at the top.
    private var first = 0
    /// The rows that the last drawing had room for.
    private var room = 1

    /// Shows a report, sorted by slot.
    package init(_ report: StatusReport) {
        self.report = report
    }

    /// Shows another report in the same way.
    package mutating func update(_ report: StatusReport) {
        self.report = report
        notice = nil
    }

    /// Takes a key.
    package mutating func press(_ key: Key) -> Reaction {
        if showsHelp {
            showsHelp = false
            return key == .character("q") ? .quit : .draw
        }
        switch key {
        case .up, .character("k"): first -= 1
        case .down, .character("j"): first += 1
        case .pageUp: first -= room
        case .pageDown: first += room
        case .home: first = 0
        case .end: first = .max / 2
        case .character("q"): return .quit
        case .character(" "): return .refresh
        case .character("h"), .character("?"): showsHelp = true
        case .character("R"): order.isReversed.toggle()
        case .character(let letter):
            guard let sort = Self.sorts.first(where: { $0.letter == letter }) else { return .nothing }
            order = WorkerOrder(column: sort.column)
            first = 0
        }
        // Kept in bounds here too, so that keys pressed between two drawings do not add up beyond the end.
        first = max(0, min(first, rowCount - room))
        return .draw
    }

    /// The letters that sort, and what they are said to sort by.
    private static let sorts: [(letter: Character, column: WorkerColumn, words: String)] = [
        ("s", .slot, "slot"), ("w", .worker, "worker"), ("a", .uptime, "age, the oldest first"),
        ("o", .open, "open connections"), ("u", .queued, "queued connections"), ("t", .taken, "taken connections"),
        ("r", .requests, "requests"), ("m", .memory, "memory"), ("c", .cpu, "CPU"), ("x", .restarts, "restarts"),
    ]

    private var rowCount: Int { report.workers.count + report.vacantSlots.count }

    /// The whole screen.
    ///
    /// - Parameters:
    ///   - width: Columns of the window, at least 1.
    ///   - height: Lines of the window, at least 1.
    /// - Returns: As many lines as the window has; the caller cuts them to the width.
    package mutating func lines(width: Int, height: Int) -> [StyledLine] {
        if showsHelp { return Array((Self.help + Array(repeating: StyledLine(), count: height)).prefix(height)) }
        var head = StatusHead.lines(report, width: width)
        // The heading, the footer, an empty line, and rows in up to half of the window come before the head.
        let wanted = max(1, min(rowCount, height / 2))
        head = Array(head.prefix(max(0, height - 3 - wanted)))
        if !head.isEmpty { head.append(StyledLine()) }
        var table = WorkerTable.lines(report, order: order, width: width, marksOrder: true)
        let heading = table.removeFirst()
        room = max(1, height - head.count - 2)
        first = max(0, min(first, table.count - room))
        let rows = table.dropFirst(first).prefix(room)
        var lines = head + [heading] + rows
        lines += Array(repeating: StyledLine(), count: max(0, height - 1 - lines.count))
        return Array(lines.prefix(height - 1)) + [footer(shown: rows.indices)]
    }

    private func footer(shown: Range<Int>) -> StyledLine {
        if let notice { return StyledLine(notice, .bad) }
        var line = StyledLine("q", .strong)
        line.append(" quit  ")
        line.append("h", .strong)
        line.append(" help  ")
        line.append("sort: ")
        line.append(Self.sorts.map { "\($0.letter)" }.joined(), .strong)
        if shown.count < rowCount {
            line.append("  \(shown.lowerBound + 1)-\(shown.upperBound) of \(rowCount)", .strong)
        }
        let words = Self.sorts.first { $0.column == order.column }?.words ?? ""
        line.append("  by \(words)\(order.isReversed ? ", reversed" : "")", .quiet)
        return line
    }

    private static let help: [StyledLine] = {
        let keys: [(String, String)] =
            [("q", "quit"), ("h", "this help; any key leaves it"), ("space", "look again at once")]
            + [("arrows", "scroll by a line; k and j too"), ("PgUp PgDn", "scroll by a page")]
            + [("Home End", "to the first or last row"), ("R", "reverse the order")]
            + sorts.map { ("\($0.letter)", "sort by \($0.words)") }
        return [StyledLine("maitred top", .strong), StyledLine()]
            + keys.map { key, words in
                var line = StyledLine("  ")
                line.append(key, .strong)
                line.pad(to: 13)
                line.append(words)
                return line
            }
    }()
}
