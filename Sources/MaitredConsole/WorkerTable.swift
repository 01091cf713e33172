// SPDX-License-Identifier: Apache-2.0

package import MaitredControl

/// The workers of a report, one in a row, with the slots that have none.
package enum WorkerTable {
    /// The heading and the rows.
    ///
    /// - Parameters:
    ///   - report: The report.
    ///   - order: What the rows are sorted by.
    ///   - width: The terminal's columns; nil for any number.
    ///   - marksOrder: Whether the heading that the rows are sorted by stands out.
    /// - Returns: Lines no wider than that: with less room counts are rounded, gaps get narrow, and then the columns that
    ///   say least are left out.
    package static func lines(
        _ report: StatusReport,
        order: WorkerOrder = .slots,
        width: Int? = nil,
        marksOrder: Bool = false
    ) -> [StyledLine] {
        let rows = order.rows(report)
        let columns = WorkerColumn.allCases.map { column in
            Table.Column(
                heading: column.heading,
                headingPaint: marksOrder && column == order.column ? .chosen : .quiet,
                isNumber: column != .state,
                importance: column.importance(in: report)
            )
        }
        let exact = Table(columns: columns, rows: rows.map { cells($0, isExact: true) })
        guard let width, !exact.fits(width) else { return exact.lines(width: nil) }
        return Table(columns: columns, rows: rows.map { cells($0, isExact: false) }).lines(width: width)
    }

    private static func cells(_ row: WorkerOrder.Row, isExact: Bool) -> [Table.Cell] {
        WorkerColumn.allCases.map { column in
            switch row {
            case .worker(let worker): column.cell(worker, isExact: isExact)
            case .vacant(let slot): column.cell(slot)
            }
        }
    }
}
