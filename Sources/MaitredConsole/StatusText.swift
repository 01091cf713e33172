// SPDX-License-Identifier: Apache-2.0

package import MaitredControl

/// What `maitred status` prints.
package enum StatusText {
    /// The head, an empty line, the table; each line with its newline.
    ///
    /// - Parameters:
    ///   - report: The report.
    ///   - style: How it is painted.
    ///   - width: The terminal's columns; nil when it is none.
    /// - Returns: The text.
    package static func of(_ report: StatusReport, style: Style, width: Int?) -> String {
        let lines = StatusHead.lines(report, width: width) + [StyledLine()] + WorkerTable.lines(report, width: width)
        return lines.map { $0.text(style, columns: width) + "\n" }.joined()
    }
}
