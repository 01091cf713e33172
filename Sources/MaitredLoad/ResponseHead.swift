// SPDX-License-Identifier: Apache-2.0

/// The first line of a response: `HTTP/1.1 200 OK`.
struct StatusLine: Equatable {
    /// 0 or 1.
    let minorVersion: UInt8
    /// 100 to 599.
    let status: Int

    /// Reads a line without its end; nil when it is no such line.
    init?(_ line: Span<UInt8>) {
        // "HTTP/1.1 200", and the reason may be missing with the space before it.
        guard line.count >= 12, Self.mayBegin(with: line) else { return nil }
        guard line[8] == UInt8(ascii: " "), line.count == 12 || line[12] == UInt8(ascii: " ") else { return nil }
        var status = 0
        for index in 9..<12 {
            guard let digit = line[index].decimalDigit else { return nil }
            status = status * 10 + Int(digit)
        }
        guard 100..<600 ~= status else { return nil }
        minorVersion = line[7] - UInt8(ascii: "0")
        self.status = status
    }

    /// Whether bytes are the beginning of a status line, as far as they go.
    static func mayBegin(with bytes: Span<UInt8>) -> Bool {
        // "HTTP/1." as a number, first byte highest.
        let wanted: UInt64 = 0x48_54_54_50_2f_31_2e
        for index in 0..<min(7, bytes.count) where bytes[index] != UInt8(truncatingIfNeeded: wanted >> (48 - 8 * index))
        {
            return false
        }
        return bytes.count < 8 || bytes[7] == UInt8(ascii: "0") || bytes[7] == UInt8(ascii: "1")
    }
}

/// What the fields of a head say about how the body ends and whether the connection stays.
struct BodyFraming: Equatable {
    /// What ends a body.
    enum End: Equatable {
        /// Its length.
        case length(UInt64)
        /// A chunk of no bytes.
        case chunked
        /// The end of the connection.
        case connection
    }

    private var length: UInt64?
    private var isChunked = false
    /// There is a Transfer-Encoding; then Content-Length means nothing.
    private var isEncoded = false
    private var staysOpen: Bool

    /// A head without fields.
    init(minorVersion: UInt8 = 1) {
        staysOpen = minorVersion >= 1
    }

    /// What ends the body.
    var end: End {
        if isEncoded { return isChunked ? .chunked : .connection }
        return length.map { .length($0) } ?? .connection
    }

    /// Whether the server will take another request on the same connection.
    var keepsAlive: Bool { staysOpen }

    /// Reads one line of the head, without its end.
    ///
    /// - Returns: False when it is no field, or contradicts one before.
    mutating func read(field line: Span<UInt8>) -> Bool {
        var colon = 0
        while colon < line.count, line[colon] != UInt8(ascii: ":") {
            // Neither a folded line nor a name with a space in it is allowed.
            guard line[colon] > UInt8(ascii: " ") else { return false }
            colon += 1
        }
        guard colon > 0, colon < line.count else { return false }
        let value = line.extracting(line.trimmed((colon + 1)..<line.count))
        // Most fields are none of ours, which their length tells.
        switch colon {
        case 14 where line.hasName("content-length"):
            guard let number = value.decimalNumber, length == nil || length == number else { return false }
            length = number
        case 17 where line.hasName("transfer-encoding"):
            isEncoded = true
            // The last coding counts, of the last such field.
            isChunked = false
            value.forEachToken { isChunked = $0.hasName("chunked") }
        case 10 where line.hasName("connection"):
            value.forEachToken { token in
                if token.hasName("close") { staysOpen = false }
                if token.hasName("keep-alive") { staysOpen = true }
            }
        default:
            break
        }
        return true
    }
}

/// The line before a chunk: `1f40;name=value`.
enum ChunkSize {
    /// The number of bytes that follow, nil when the line makes no sense.
    static func read(_ line: Span<UInt8>) -> UInt64? {
        var size: UInt64 = 0
        var index = 0
        while index < line.count, let digit = line[index].hexadecimalDigit {
            guard size >> 56 == 0 else { return nil }
            size = size << 4 | UInt64(digit)
            index += 1
        }
        guard index > 0 else { return nil }
        guard index < line.count else { return size }
        let next = line[index]
        return next == UInt8(ascii: ";") || next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") ? size : nil
    }
}

extension Span<UInt8> {
    /// Whether it begins with a lower-case name, whatever the case here, followed by nothing or a colon.
    fileprivate func hasName(_ name: StaticString) -> Bool {
        let length = name.utf8CodeUnitCount
        guard count == length || count > length && self[length] == UInt8(ascii: ":") else { return false }
        // SAFETY: a static string of ASCII has a pointer to so many bytes for ever.
        let wanted = unsafe UnsafeBufferPointer(start: name.utf8Start, count: length)
        for index in 0..<length where unsafe self[index].lowercased != wanted[index] { return false }
        return true
    }

    /// A part without the spaces and tabs at both of its ends.
    fileprivate func trimmed(_ range: Range<Int>) -> Range<Int> {
        var first = range.lowerBound
        var end = range.upperBound
        while first < end, self[first].isBlank { first += 1 }
        while end > first, self[end - 1].isBlank { end -= 1 }
        return first..<end
    }

    /// A number of digits only that fits 64 bits.
    fileprivate var decimalNumber: UInt64? {
        guard !isEmpty else { return nil }
        var number: UInt64 = 0
        for index in indices {
            guard let digit = self[index].decimalDigit else { return nil }
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
            guard !isTooLarge, !overflow else { return nil }
            number = sum
        }
        return number
    }

    /// Goes through a list that commas separate.
    fileprivate func forEachToken(_ body: (Span<UInt8>) -> Void) {
        var begin = 0
        for index in 0...count where index == count || self[index] == UInt8(ascii: ",") {
            body(extracting(trimmed(begin..<index)))
            begin = index + 1
        }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    fileprivate var lowercased: UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self
    }

    fileprivate var decimalDigit: UInt8? {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= self ? self - UInt8(ascii: "0") : nil
    }

    fileprivate var hexadecimalDigit: UInt8? {
        if let digit = decimalDigit { return digit }
        let lower = lowercased
        return UInt8(ascii: "a")...UInt8(ascii: "f") ~= lower ? lower - UInt8(ascii: "a") + 10 : nil
    }
}
