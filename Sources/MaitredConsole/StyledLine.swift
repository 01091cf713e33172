// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig

/// One line of a screen: pieces of text with what they mean; its width is known however it is painted.
///
/// Control characters are escaped on the way in: what workers cause to be said must not speak to the terminal.
package struct StyledLine: Equatable, Sendable {
    private struct Piece: Equatable, Sendable {
        var text: String
        var paint: Paint
    }

    private var pieces: [Piece] = []

    /// The columns it takes.
    package private(set) var width = 0

    /// A line of one piece; of none for an empty text.
    package init(_ text: String = "", _ paint: Paint = .plain) {
        append(text, paint)
    }

    /// Adds a piece at the end.
    package mutating func append(_ text: String, _ paint: Paint = .plain) {
        guard !text.isEmpty else { return }
        let text = visible(text, limit: .max)
        pieces.append(Piece(text: text, paint: paint))
        width += TextWidth.of(text)
    }

    /// Adds another line at the end.
    package mutating func append(_ line: StyledLine) {
        pieces += line.pieces
        width += line.width
    }

    /// This line and another behind it.
    func appending(_ line: StyledLine) -> StyledLine {
        var result = self
        result.append(line)
        return result
    }

    /// Adds blanks until the line takes so many columns.
    package mutating func pad(to columns: Int) {
        append(String(repeating: " ", count: max(0, columns - width)))
    }

    /// The line as text without its newline, with an ellipsis when something had to go.
    ///
    /// - Parameters:
    ///   - style: How pieces are painted.
    ///   - columns: The most columns it may take; nil for any number.
    /// - Returns: The text.
    package func text(_ style: Style, columns: Int? = nil) -> String {
        guard let columns, width > columns else {
            return pieces.map { style.apply($0.paint, to: $0.text) }.joined()
        }
        guard columns > 0 else { return "" }
        var left = columns - 1
        var result = ""
        for piece in pieces {
            let part = TextWidth.prefix(of: piece.text, columns: left)
            result += style.apply(piece.paint, to: part)
            left -= TextWidth.of(part)
            if part.utf8.count < piece.text.utf8.count { break }
        }
        return result + "…"
    }

    /// The words of the line, each as a line of its own.
    var words: [StyledLine] {
        var words: [StyledLine] = []
        var word = StyledLine()
        for piece in pieces {
            let parts = piece.text.split(separator: " ", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if index > 0 {
                    words.append(word)
                    word = StyledLine()
                }
                word.append(String(part), piece.paint)
            }
        }
        return (words + [word]).filter { $0.width > 0 }
    }
}

/// How many columns of a terminal a text takes.
enum TextWidth {
    /// The columns of a text without control characters.
    static func of(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + columns($1) }
    }

    /// As much of a text's beginning as fits.
    static func prefix(of text: String, columns limit: Int) -> String {
        var result = String.UnicodeScalarView()
        var used = 0
        for scalar in text.unicodeScalars {
            used += columns(scalar)
            if used > limit { break }
            result.append(scalar)
        }
        return String(result)
    }

    private static func columns(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }

    /// The blocks of East Asian width W and F (Unicode Standard Annex 11), rounded to whole blocks, and emoji.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]
}
