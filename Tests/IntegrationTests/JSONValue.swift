// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

/// JSON as somebody reads it who knows nothing of the types that wrote it.
enum JSONValue: Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// Reads one value; whitespace may stand around it, and nothing else.
    init(_ text: String) throws(TestFailure) {
        var reader = JSONReader(text)
        self = try reader.value()
        try reader.end()
    }

    /// A field of an object; nil when there is none, or it is no object.
    subscript(name: String) -> JSONValue? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }

    /// A number.
    var number: Double? {
        if case .number(let number) = self { number } else { nil }
    }

    /// A number without a fraction.
    var whole: Int? {
        number.flatMap { Int(exactly: $0) }
    }

    /// A string.
    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The elements of an array; none when it is no array.
    var elements: [JSONValue] {
        if case .list(let elements) = self { elements } else { [] }
    }
}

/// The grammar of RFC 8259; surrogate pairs, which maitred does not write, are refused.
private struct JSONReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    mutating func end() throws(TestFailure) {
        skipBlanks()
        if place < bytes.count { throw failure("the end") }
    }

    mutating func value() throws(TestFailure) -> JSONValue {
        skipBlanks()
        switch place < bytes.count ? bytes[place] : 0 {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try list()
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws(TestFailure) -> JSONValue {
        place += 1
        var fields: [String: JSONValue] = [:]
        skipBlanks()
        if take("}") { return .object(fields) }
        repeat {
            skipBlanks()
            let name = try string()
            skipBlanks()
            guard take(":") else { throw failure("a colon") }
            if fields.updateValue(try value(), forKey: name) != nil { throw failure("'\(name)' only once") }
            skipBlanks()
        } while take(",")
        guard take("}") else { throw failure("} or a comma") }
        return .object(fields)
    }

    private mutating func list() throws(TestFailure) -> JSONValue {
        place += 1
        var elements: [JSONValue] = []
        skipBlanks()
        if take("]") { return .list(elements) }
        repeat {
            elements.append(try value())
            skipBlanks()
        } while take(",")
        guard take("]") else { throw failure("] or a comma") }
        return .list(elements)
    }

    private mutating func string() throws(TestFailure) -> String {
        guard take("\"") else { throw failure("a string") }
        var text: [UInt8] = []
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            guard byte >= 0x20 else { break }
            if byte == UInt8(ascii: "\\") { text += try escaped() } else { text.append(byte) }
        }
        throw failure("the end of a string")
    }

    private mutating func escaped() throws(TestFailure) -> [UInt8] {
        let plain: [Character: UInt8] = [
            "\"": 0x22, "\\": 0x5c, "/": 0x2f, "b": 0x08, "f": 0x0c, "n": 0x0a, "r": 0x0d, "t": 0x09,
        ]
        guard place < bytes.count else { throw failure("an escape") }
        let kind = Character(Unicode.Scalar(bytes[place]))
        place += 1
        if let byte = plain[kind] { return [byte] }
        let digits = String(decoding: bytes[place..<min(place + 4, bytes.count)], as: UTF8.self)
        guard kind == "u", digits.utf8.count == 4, let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
        else { throw failure("an escape") }
        place += 4
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func number() throws(TestFailure) -> JSONValue {
        let start = place
        while place < bytes.count, "+-.0123456789eE".utf8.contains(bytes[place]) { place += 1 }
        guard let number = Double(String(decoding: bytes[start..<place], as: UTF8.self)) else {
            throw failure("a value")
        }
        return .number(number)
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(TestFailure) -> JSONValue {
        guard bytes[place...].starts(with: word.utf8) else { throw failure(word) }
        place += word.utf8.count
        return value
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func skipBlanks() {
        while place < bytes.count, " \n\r\t".utf8.contains(bytes[place]) { place += 1 }
    }

    private func failure(_ wanted: String) -> TestFailure {
        TestFailure("no JSON: expected \(wanted) at byte \(place) of '\(String(decoding: bytes, as: UTF8.self))'")
    }
}
