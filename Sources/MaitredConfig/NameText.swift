// SPDX-License-Identifier: Apache-2.0

/// Characters of a service's name: it becomes part of a file's name and of identifiers in the journal.
let serviceNameLimit = 64

/// Characters of an account's name: what directory services allow, beyond the 32 of `useradd(8)`.
private let accountNameLimit = 255

/// What a service's name may be, as errors and documents say it.
let serviceNameExpectation = "1 to \(serviceNameLimit) letters, digits or . _ -, the first a letter or digit"

/// Reads the name of the service: `web`, `shop-api`, `v2.1`.
///
/// - Throws: `InvalidValue`.
func serviceName(_ text: String) throws(InvalidValue) -> String {
    guard isServiceName(text) else {
        throw InvalidValue("\(quoted(text)) is not a name: give \(serviceNameExpectation)")
    }
    return text
}

private func isServiceName(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLetterOrDigit(first), text.utf8.count <= serviceNameLimit else { return false }
    return text.utf8.allSatisfy(isNameByte)
}

/// The name that a service has if nobody gives it one: the base name of its command.
///
/// Whatever cannot stand in a name becomes a dash, so that every command has one.
func serviceName(ofCommand command: String) -> String {
    let base = command.split(separator: "/").last ?? ""
    let bytes = base.utf8.map { isNameByte($0) ? $0 : UInt8(ascii: "-") }.drop { !isLetterOrDigit($0) }
    return bytes.isEmpty ? "maitred" : String(decoding: bytes.prefix(serviceNameLimit), as: UTF8.self)
}

/// The name of another service of the same kind: `web-2`.
///
/// - Parameters:
///   - name: A service's name, of which the end is left out where the whole would be too long.
///   - number: Which of them.
/// - Returns: A name of a service.
package func numberedName(_ name: String, _ number: Int) -> String {
    let suffix = "-\(number)"
    return name.prefix(serviceNameLimit - suffix.count) + suffix
}

/// Reads the name of a user or a group; whether there is one is found out by who needs it.
///
/// - Parameters:
///   - text: What was given.
///   - kind: The thing that is named, with its article: `a user`.
/// - Returns: The name as it was given.
/// - Throws: `InvalidValue` for what no user database allows.
func accountName(_ text: String, _ kind: String) throws(InvalidValue) -> String {
    let isPlain = text.utf8.allSatisfy { isNameByte($0) || $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "$") }
    guard isPlain, (1...accountNameLimit).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-") else {
        throw InvalidValue("\(quoted(text)) is not \(kind): give the name of one, or 'none'")
    }
    return text
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"):
        true
    default: false
    }
}

private func isNameByte(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
}
