// SPDX-License-Identifier: Apache-2.0

extension ListenSpecification {
    /// Examples of every kind of address, for errors and documents.
    static let examples = "8080, 127.0.0.1:8080, [::1]:8080 or unix:/run/app.sock"

    /// Reads an address and its options: `[::]:8080,backlog=1024,nodelay,name=web`.
    ///
    /// `8080`, `:8080` and `*:8080` mean every IPv4 address.
    ///
    /// - Throws: `InvalidValue`.
    public init(_ text: String) throws(InvalidValue) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let address = try Address(String(parts[0]))
        var options = Options()
        for part in parts.dropFirst() {
            try options.take(String(part), of: text)
        }
        if case .unix = address {
            if options.hasNoDelay == true {
                throw InvalidValue("\(quoted(text)): 'nodelay' is for TCP: leave it out")
            }
        } else if options.mode != nil {
            throw InvalidValue("\(quoted(text)): 'mode' is for Unix sockets: leave it out")
        }
        self.init(
            address: address,
            mode: options.mode,
            backlog: options.backlog ?? Self.defaultBacklog,
            hasNoDelay: options.hasNoDelay ?? false,
            name: options.name
        )
    }

    /// Refuses a list in which two sockets would want the same address.
    static func checkDistinct(_ list: [Self]) throws(InvalidValue) {
        var seen: Set<Address> = []
        for specification in list where specification.address.isExclusive {
            guard seen.insert(specification.address).inserted else {
                throw InvalidValue("\(quoted("\(specification.address)")) is given twice: leave one out")
            }
        }
    }
}

/// The part behind the address, while it is read.
private struct Options {
    private static let names = ["mode", "backlog", "nodelay", "name"]

    var mode: UInt16?
    var backlog: Int?
    var hasNoDelay: Bool?
    var name: String?

    /// Takes one `key=value` or `key`; `text` is the whole specification, for errors.
    mutating func take(_ option: String, of text: String) throws(InvalidValue) {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let key = parts[0]
        do throws(InvalidValue) {
            switch (key, parts.count == 2 ? parts[1] : nil) {
            case ("mode", let value?): try set(\.mode, to: octalMode(value))
            case ("backlog", let value?): try set(\.backlog, to: backlogSize(value))
            case ("nodelay", nil): try set(\.hasNoDelay, to: true)
            case ("name", let value?): try set(\.name, to: listenerName(value))
            case ("nodelay", _): throw InvalidValue("takes no value: write ',nodelay'")
            case ("mode", nil), ("backlog", nil), ("name", nil):
                throw InvalidValue("has no value: write ',\(key)=…'")
            default:
                let suggestion = nearest(to: key, among: Self.names).map { "did you mean '\($0)'?" }
                throw InvalidValue("is no option: \(suggestion ?? "use mode=0660, backlog=N, nodelay or name=NAME")")
            }
        } catch {
            throw InvalidValue("\(quoted(text)): \(quoted(key)) \(error.problem)")
        }
    }

    private mutating func set<Value>(_ field: WritableKeyPath<Self, Value?>, to value: Value) throws(InvalidValue) {
        guard self[keyPath: field] == nil else { throw InvalidValue("is given twice: leave one out") }
        self[keyPath: field] = value
    }
}

private func octalMode(_ text: String) throws(InvalidValue) -> UInt16 {
    guard isDecimal(text), text.utf8.count <= 4, let mode = UInt16(text, radix: 8), mode <= 0o777 else {
        throw InvalidValue("is \(quoted(text)): give octal permissions from 0000 to 0777, as in mode=0660")
    }
    return mode
}

private func backlogSize(_ text: String) throws(InvalidValue) -> Int {
    do {
        return try wholeNumber(text, in: ListenSpecification.backlogRange)
    } catch {
        throw InvalidValue("is \(error.problem)")
    }
}

/// Names end up in variables, in `LISTEN_FDNAMES` and in logs, so what separates fields there cannot be in them.
private func listenerName(_ text: String) throws(InvalidValue) -> String {
    let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !":,='\"\\".utf8.contains($0) }
    guard isPlain, (1...ListenSpecification.longestName).contains(text.utf8.count) else {
        throw InvalidValue("is \(quoted(text)): give 1 to 255 letters, digits or signs like - _ . @")
    }
    return text
}

extension ListenSpecification.Address {
    /// Reads the part before the options.
    init(_ text: String) throws(InvalidValue) {
        if text.isEmpty {
            throw InvalidValue("the address is empty: give one, as in \(ListenSpecification.examples)")
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            self = .unix(path: try socketPath(path, in: text, example: "unix:/run/app.sock"))
            return
        }
        if text.hasPrefix("/") {
            throw InvalidValue("\(quoted(text)) looks like a path: write \(quoted("unix:" + text)) for a Unix socket")
        }
        if text.hasPrefix("[") {
            self = try Self.bracketed(text)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1, isDecimal(text) {
            self = .ipv4("0.0.0.0", port: try portNumber(text, of: text))
            return
        }
        guard parts.count == 2 else { throw Self.unsplittable(text, parts: parts.count) }
        let port = try portNumber(parts[1], of: text)
        switch parts[0] {
        case "", "*": self = .ipv4("0.0.0.0", port: port)
        case let host where isIPv4Address(host): self = .ipv4(host, port: port)
        case let host: self = .host(try hostName(host, of: text), port: port)
        }
    }

    /// What to say about a text that is not one host and one port.
    private static func unsplittable(_ text: String, parts: Int) -> InvalidValue {
        if let address = unbracketed(text) {
            return InvalidValue("\(quoted(text)) has no brackets around its IPv6 address: write \(quoted(address))")
        }
        if canonicalIPv6Address(text) != nil {
            return InvalidValue("\(quoted(text)) is an IPv6 address without a port: write \(quoted("[\(text)]:8080"))")
        }
        if parts == 1, (try? hostName(text, of: text)) != nil || isIPv4Address(text) {
            return InvalidValue("\(quoted(text)) has no port: add one, as in \(quoted(text + ":8080"))")
        }
        return InvalidValue("\(quoted(text)) is not an address: give one like \(ListenSpecification.examples)")
    }

    /// `[::1]:8080` of `::1:8080`, whose last part is meant as a port if it has at least two digits and no letter.
    private static func unbracketed(_ text: String) -> String? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let (host, digits) = (text[..<colon], String(text[text.index(after: colon)...]))
        guard digits.utf8.count > 1, canonicalIPv6Address(host) != nil else { return nil }
        return (try? portNumber(digits, of: text)).map { "[\(host)]:\($0)" }
    }

    /// Reads `[IPV6]:PORT`.
    private static func bracketed(_ text: String) throws(InvalidValue) -> Self {
        let parts = text.dropFirst().split(separator: "]", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let host = canonicalIPv6Address(parts[0]) else {
            throw InvalidValue("\(quoted(text)) holds no IPv6 address in brackets: write one like '[::1]:8080'")
        }
        guard parts[1].first == ":" else {
            throw InvalidValue("\(quoted(text)) has no port: add one, as in '[\(host)]:8080'")
        }
        return .ipv6(host, port: try portNumber(String(parts[1].dropFirst()), of: text))
    }
}

private func portNumber(_ digits: String, of text: String) throws(InvalidValue) -> UInt16 {
    guard isDecimal(digits), let port = UInt16(digits) else {
        let subject = digits == text ? quoted(text) : "\(quoted(text)): port \(quoted(digits))"
        guard isDecimal(digits) else {
            throw InvalidValue("\(subject) is not a number: give a port from 0 to 65535")
        }
        throw InvalidValue("\(subject) is out of range: give a port from 0 to 65535")
    }
    return port
}

/// Checks the path of a Unix socket.
///
/// - Parameters:
///   - path: The path alone.
///   - text: What was given, for errors.
///   - example: What would be right.
/// - Returns: The path.
/// - Throws: `InvalidValue` unless it is absolute, names a file, and fits the kernel's address.
func socketPath(_ path: String, in text: String, example: String) throws(InvalidValue) -> String {
    guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(0) else {
        throw InvalidValue("\(quoted(text)) names no socket: give an absolute path, as in \(example)")
    }
    let length = path.utf8.count
    guard length <= ListenSpecification.longestPath else {
        let limit = ListenSpecification.longestPath
        throw InvalidValue("\(quoted(text)) is too long: \(length) bytes of path, where Linux takes \(limit)")
    }
    return path
}

/// Checks the form of a host name (RFC 1123, and the underscore that people use) without looking it up.
private func hostName(_ host: String, of text: String) throws(InvalidValue) -> String {
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    if let last = labels.last, isDecimal(last) {
        throw InvalidValue("\(quoted(text)): \(quoted(host)) is not an IPv4 address: give four numbers from 0 to 255")
    }
    let isName = labels.allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_")
            }
    }
    guard isName, host.utf8.count <= 253 else {
        throw InvalidValue(
            "\(quoted(text)): \(quoted(host)) is not a host: give an address like \(ListenSpecification.examples)"
        )
    }
    return host.lowercased()
}
