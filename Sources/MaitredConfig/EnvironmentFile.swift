// SPDX-License-Identifier: Apache-2.0

/// A variable of a process's environment.
public struct EnvironmentVariable: Hashable, Sendable {
    /// The name: no `=` in it.
    public let name: String
    /// The value, which may be empty.
    public let value: String

    /// A variable with its value.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// The KEY=VALUE lines of a configuration file, in the format of systemd's `EnvironmentFile=`.
///
/// So the same file can be given to systemd and to `--config`, and means the same to both:
/// - blank lines, and lines that start with `#` or `;`, are skipped; there are no comments behind a value
/// - blanks around the key and around an unquoted value are dropped
/// - a value may stand in `'…'` (literal) or `"…"` (a backslash escapes `"`, `\`, `$` and the backquote), over several
///   lines if need be; quoted parts that touch are joined
/// - outside quotes a backslash takes the next character, and joins the next line when it ends the line
/// - inside an unquoted value quotes are ordinary characters
///
/// Where systemd would skip something silently or glue it together, this reader says what is wrong: a line without
/// `=`, an impossible key, text after a closing quote, a quote that is never closed, a NUL.
package struct EnvironmentFile: Equatable, Sendable {
    /// One assignment.
    package struct Entry: Equatable, Sendable {
        package let key: String
        package let value: String
        /// The line of the key, counted from 1.
        package let line: Int
    }

    /// The assignments in the order of the file; a key that occurs twice is in it twice, and the later one counts.
    package let entries: [Entry]

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - text: the content; line ends may be LF, CR LF or CR.
    ///   - name: the file's name, for errors.
    /// - Throws: `ConfigurationError` with the line.
    package init(_ text: String, name: String) throws(ConfigurationError) {
        var reader = EnvironmentFileReader(text, name: name)
        entries = try reader.readAll()
    }
}

/// The position in the file and the steps of reading it; bytes, because every special character is ASCII.
private struct EnvironmentFileReader {
    private let bytes: [UInt8]
    private let name: String
    private var index = 0
    private var line = 1

    init(_ text: String, name: String) {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let raw = Array(text.utf8)
        bytes = raw.starts(with: mark) ? Array(raw.dropFirst(mark.count)) : raw
        self.name = name
    }

    mutating func readAll() throws(ConfigurationError) -> [EnvironmentFile.Entry] {
        var entries: [EnvironmentFile.Entry] = []
        while let byte = peek() {
            if isBlank(byte) {
                advance()
            } else if byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
                while let byte = peek(), !isLineEnd(byte) { advance() }
            } else {
                entries.append(try readEntry())
            }
        }
        return entries
    }

    private mutating func readEntry() throws(ConfigurationError) -> EnvironmentFile.Entry {
        let start = line
        var raw: [UInt8] = []
        while let byte = peek(), byte != UInt8(ascii: "="), !isLineEnd(byte) {
            raw.append(byte)
            advance()
        }
        let key = trimmed(raw)
        // The text is not repeated: a line that is no assignment may be the second one of an unquoted secret.
        guard peek() == UInt8(ascii: "=") else {
            throw error(start, "there is no '=': write KEY=VALUE, or start the line with # for a comment")
        }
        guard isVariableName(key) else {
            throw error(start, "no variable name before the '=': use letters, digits and _, and no digit first")
        }
        advance()
        let value = try readValue(key: key)
        guard !value.utf8.contains(0) else {
            throw error(start, key: key, "the value contains a NUL: remove it")
        }
        return .init(key: key, value: value, line: start)
    }

    private mutating func readValue(key: String) throws(ConfigurationError) -> String {
        skipBlanksOfLine()
        var value: [UInt8] = []
        var wasQuoted = false
        while let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") {
            wasQuoted = true
            value += try readQuoted(quote, key: key)
        }
        guard wasQuoted else { return readUnquoted() }
        skipBlanksOfLine()
        if let byte = peek(), !isLineEnd(byte) {
            throw error(line, key: key, "there is text after the closing quote: quote the whole value")
        }
        return String(decoding: value, as: UTF8.self)
    }

    private mutating func readQuoted(_ quote: UInt8, key: String) throws(ConfigurationError) -> [UInt8] {
        let start = line
        var value: [UInt8] = []
        advance()
        while let byte = peek() {
            advance()
            if byte == quote { return value }
            guard byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") else {
                value.append(byte)
                continue
            }
            // Before anything that needs no escape the backslash stays.
            guard let next = takeEscaped() else { continue }
            value += isEscapableInDoubleQuotes(next) ? [next] : [byte, next]
        }
        throw error(start, key: key, "the quote that opens here is never closed: close it")
    }

    private mutating func readUnquoted() -> String {
        var value: [UInt8] = []
        // An escaped blank at the end belongs to the value, a plain one does not.
        var end = 0
        while let byte = peek(), !isLineEnd(byte) {
            advance()
            guard byte == UInt8(ascii: "\\") else {
                value.append(byte)
                if !isBlank(byte) { end = value.count }
                continue
            }
            guard let next = takeEscaped() else { continue }
            value.append(next)
            end = value.count
        }
        return String(decoding: value.prefix(end), as: UTF8.self)
    }

    /// Takes what follows a backslash; `nil` for a line end, which the backslash hides, and at the end of the file.
    private mutating func takeEscaped() -> UInt8? {
        guard let byte = peek() else { return nil }
        advance()
        if byte == UInt8(ascii: "\r"), peek() == UInt8(ascii: "\n") { advance() }
        return isLineEnd(byte) ? nil : byte
    }

    private func peek() -> UInt8? {
        index < bytes.count ? bytes[index] : nil
    }

    private mutating func advance() {
        let byte = bytes[index]
        index += 1
        // CR LF is one line end, counted at its LF.
        if byte == UInt8(ascii: "\n") || (byte == UInt8(ascii: "\r") && peek() != UInt8(ascii: "\n")) { line += 1 }
    }

    private mutating func skipBlanksOfLine() {
        while let byte = peek(), isBlank(byte), !isLineEnd(byte) { advance() }
    }

    private func isLineEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private func trimmed(_ bytes: [UInt8]) -> String {
        let kept = bytes.prefix((bytes.lastIndex { !isBlank($0) } ?? -1) + 1)
        return String(decoding: kept, as: UTF8.self)
    }

    private func isVariableName(_ key: String) -> Bool {
        guard let first = key.utf8.first, !isDecimal(String(decoding: [first], as: UTF8.self)) else { return false }
        return key.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || $0 == "_" || ("0"..."9").contains($0))
        }
    }

    private func error(_ line: Int, key: String? = nil, _ problem: String) -> ConfigurationError {
        .init(origin: .file(name: name, line: line, key: key), problem: problem)
    }
}
