// SPDX-License-Identifier: Apache-2.0

import Logging

/// The forms that a line on standard error has.
package enum LogLineStyle: Equatable, Sendable {
    /// For files and other programs: the whole date, no colours.
    case dated
    /// For a person: the time of day, and the level in colour if the terminal has colours.
    case terminal(colored: Bool)

    /// What suits a terminal: no colours if `NO_COLOR` is set, or `TERM` says that there are none.
    package static func terminal(environment: [String: String]) -> LogLineStyle {
        let kind = environment["TERM"] ?? ""
        let isPlain = kind.isEmpty || kind == "dumb" || environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return .terminal(colored: !isPlain)
    }
}

/// One line of the log as bytes.
enum LogLine {
    /// Puts a line together, with its newline, cut at `limit` bytes between characters.
    ///
    /// - Parameters:
    ///   - style: The form.
    ///   - timestamp: As `WallClock.timestamp()` has it: "2026-11-22T18:53:46.123+0000".
    ///   - level: How bad it is.
    ///   - body: What it says, without newlines.
    ///   - limit: The most bytes, the newline included.
    /// - Returns: The line.
    static func bytes(
        _ style: LogLineStyle,
        timestamp: String,
        level: Logger.Level,
        body: String,
        limit: Int
    ) -> [UInt8] {
        let head =
            switch style {
            case .dated: "\(timestamp) \(level)"
            case .terminal(let colored): "\(timeOfDay(timestamp)) \(colored ? colorful(level) : "\(level)")"
            }
        return cut(Array("\(head): \(body)".utf8), at: limit - 1) + [UInt8(ascii: "\n")]
    }

    /// "18:53:46.123" out of a whole timestamp.
    private static func timeOfDay(_ timestamp: String) -> Substring {
        timestamp.drop { $0 != "T" }.dropFirst().prefix { $0 != "+" && $0 != "-" }
    }

    private static func colorful(_ level: Logger.Level) -> String {
        let color =
            switch level {
            case .trace, .debug: "2"
            case .info: "32"
            case .notice: "36"
            case .warning: "33"
            case .error: "31"
            case .critical: "1;31"
            }
        return "\u{1B}[\(color)m\(level)\u{1B}[0m"
    }

    /// A text of at most `limit` bytes, with an ellipsis when something had to go.
    private static func cut(_ text: [UInt8], at limit: Int) -> [UInt8] {
        guard text.count > limit else { return text }
        let ellipsis = Array("…".utf8)
        var end = limit - ellipsis.count
        while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
        return text[..<end] + ellipsis
    }
}
