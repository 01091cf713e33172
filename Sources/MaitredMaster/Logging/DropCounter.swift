// SPDX-License-Identifier: Apache-2.0

/// Counts lines that nobody took, and has that said before the next line that is taken.
struct DropCounter: Sendable {
    /// Lines lost since the last time it was said.
    private(set) var count = 0

    /// Lines lost since the start.
    private(set) var total = 0

    /// Writes a line, and before it how many were lost.
    ///
    /// - Parameters:
    ///   - line: What to write.
    ///   - notice: Makes the line that says how many were lost.
    ///   - write: Writes a line at once, or returns false and it is lost.
    mutating func pass<Line>(_ line: Line, notice: (Int) -> Line, to write: (Line) -> Bool) {
        if count > 0, write(notice(count)) { count = 0 }
        // While the notice cannot be said the line is not tried: lines stay in order.
        if count > 0 || !write(line) {
            count += 1
            total += 1
        }
    }

    /// "12 log lines dropped: …".
    static func words(_ count: Int, reason: String) -> String {
        "\(count) log \(count == 1 ? "line" : "lines") dropped: \(reason)"
    }
}
