// SPDX-License-Identifier: Apache-2.0

/// Splits a command line into words as a shell would, without running or expanding anything.
///
/// Words end at blanks. `'…'` takes everything literally. `"…"` does too, except that a backslash before `"`, `\`,
/// `$` or a backquote takes that character. Outside quotes a backslash takes the next character. `$`, `*` and `~` mean
/// themselves.
///
/// - Throws: `InvalidValue` for a quote that is not closed or a backslash with nothing after it.
package func shellWords(_ text: String) throws(InvalidValue) -> [String] {
    var splitter = WordSplitter()
    for byte in text.utf8 {
        splitter.take(byte)
    }
    return try splitter.finish()
}

/// Words as one text that `shellWords(_:)` splits into the same words.
func shellText(_ words: [String]) -> String {
    words.map { word in
        let isPlain = word.utf8.allSatisfy { byte in
            !isBlank(byte) && ![UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\")].contains(byte)
        }
        guard word.isEmpty || !isPlain else { return word }
        let parts = word.split(separator: "'", omittingEmptySubsequences: false)
        return "'" + parts.joined(separator: #"'\''"#) + "'"
    }.joined(separator: " ")
}

/// Whether a byte separates words: a space, a tab or a line end, as in `sh` and systemd.
func isBlank(_ byte: UInt8) -> Bool {
    [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains(byte)
}

/// Works on bytes: every character that means something is ASCII, and no byte of a longer UTF-8 sequence is.
private struct WordSplitter {
    private enum State {
        case between
        case word
        case escape
        case single
        case double
        case doubleEscape
    }

    private var state = State.between
    private var word: [UInt8] = []
    private var words: [String] = []

    mutating func take(_ byte: UInt8) {
        switch state {
        case .between, .word:
            takeUnquoted(byte)
        case .escape:
            append(byte, then: .word)
        case .single:
            if byte == UInt8(ascii: "'") { state = .word } else { word.append(byte) }
        case .double:
            switch byte {
            case UInt8(ascii: "\""): state = .word
            case UInt8(ascii: "\\"): state = .doubleEscape
            default: word.append(byte)
            }
        case .doubleEscape:
            if !isEscapableInDoubleQuotes(byte) { word.append(UInt8(ascii: "\\")) }
            append(byte, then: .double)
        }
    }

    mutating func finish() throws(InvalidValue) -> [String] {
        switch state {
        case .between: break
        case .word: endWord()
        case .escape: throw InvalidValue("ends in a backslash: write two of them for a backslash")
        case .single: throw InvalidValue("has a single quote that is not closed: close it, or write \\' for the sign")
        case .double, .doubleEscape:
            throw InvalidValue("has a double quote that is not closed: close it, or write \\\" for the sign")
        }
        return words
    }

    private mutating func takeUnquoted(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "'"): state = .single
        case UInt8(ascii: "\""): state = .double
        case UInt8(ascii: "\\"): state = .escape
        case _ where isBlank(byte): if case .word = state { endWord() }
        default: append(byte, then: .word)
        }
    }

    private mutating func append(_ byte: UInt8, then next: State) {
        word.append(byte)
        state = next
    }

    private mutating func endWord() {
        words.append(String(decoding: word, as: UTF8.self))
        word = []
        state = .between
    }
}

/// The bytes before which a backslash inside double quotes is an escape and not itself, as in `sh` and systemd.
func isEscapableInDoubleQuotes(_ byte: UInt8) -> Bool {
    [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "$"), UInt8(ascii: "`")].contains(byte)
}
