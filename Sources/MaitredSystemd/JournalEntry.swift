// SPDX-License-Identifier: Apache-2.0

/// One entry of the journal in its native protocol: pure text to bytes.
///
/// A field is `NAME=value` and a newline. A value with a newline of its own is written as the name, a newline, the
/// value's length as 64 bits little-endian, the value, and a newline, so that no value can forge a field.
package struct JournalEntry: Equatable, Sendable {
    /// The most bytes of one value; longer ones are cut, between characters.
    package static let longestValue = 16 << 10

    /// The most bytes of an entry; what does not fit is left out.
    ///
    /// A datagram of this size fits a socket's default buffer (net.core.wmem_default, 208 KiB), so no entry needs the
    /// memfd that larger ones travel in.
    package static let longestEntry = 64 << 10

    /// The longest name of a field that journald accepts.
    private static let longestName = 64

    /// What is sent.
    package private(set) var bytes: [UInt8] = []

    /// An entry without fields.
    package init() {}

    /// Adds a field; a name may occur several times, and then has several values.
    ///
    /// - Parameters:
    ///   - name: Upper-case letters, digits and `_`; not a digit or `_` first. Anything else is a programmer's error.
    ///   - value: Any text.
    package mutating func add(_ name: StaticString, _ value: String) {
        append("\(name)", value)
    }

    /// Adds a field under `prefix` and a key that may be any text: `MAITRED_` and "worker-id" give `MAITRED_WORKER_ID`.
    package mutating func add(prefix: StaticString, key: String, _ value: String) {
        append(Self.fieldName(prefix: "\(prefix)", key: key), value)
    }

    /// Brings a key into the form of a field name: upper case, `_` for what is not allowed, cut at 64 characters.
    static func fieldName(prefix: String, key: String) -> String {
        let allowed = key.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return String(decoding: (Array(prefix.utf8) + allowed).prefix(longestName), as: UTF8.self)
    }

    private mutating func append(_ name: String, _ value: String) {
        let value = Self.cut(Array(value.utf8), at: Self.longestValue)
        // A length of 8 bytes and two newlines at most.
        guard bytes.count + name.utf8.count + value.count + 10 <= Self.longestEntry else { return }
        bytes += name.utf8
        if value.contains(UInt8(ascii: "\n")) {
            bytes.append(UInt8(ascii: "\n"))
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: UInt64(value.count) >> UInt64(shift)))
            }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value
        bytes.append(UInt8(ascii: "\n"))
    }

    /// At most `limit` bytes of a UTF-8 text, whole characters only.
    private static func cut(_ text: [UInt8], at limit: Int) -> ArraySlice<UInt8> {
        guard text.count > limit else { return text[...] }
        var end = limit
        while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
        return text[..<end]
    }
}
