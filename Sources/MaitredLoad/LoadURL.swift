// SPDX-License-Identifier: Apache-2.0

/// An `http://` URL, taken apart.
///
/// Only what a load generator needs of RFC 3986: no user, no percent-decoding, the fragment is refused.
package struct LoadURL: Sendable, Equatable {
    /// A name or an address, IPv6 without brackets.
    package let host: String
    /// 80 unless the URL says otherwise.
    package let port: UInt16
    /// Path and query as they are sent; begins with a slash.
    package let path: String
    /// Host and port as the `Host` header has them.
    package let authority: String

    /// Takes a URL apart; `127.0.0.1:8080` and `:8080` are understood too.
    ///
    /// - Parameter text: What the user wrote.
    /// - Throws: What is wrong with it, and what would be right.
    package init(_ text: String) throws(LoadFailure) {
        var rest = Substring(text)
        if let mark = rest.range(of: "://") {
            let scheme = rest[..<mark.lowerBound].lowercased()
            guard scheme == "http" else {
                throw LoadFailure("'\(text)' is \(scheme), and only http can be asked: give http://host:port/path")
            }
            rest = rest[mark.upperBound...]
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let place = rest[..<end]
        path = try Self.path(rest[end...], in: text)
        (host, port) = try Self.place(place, in: text)
        authority = place.hasPrefix(":") ? "\(host)\(place)" : String(place)
    }

    private static func path(_ text: Substring, in whole: String) throws(LoadFailure) -> String {
        let path = text.hasPrefix("/") ? String(text) : "/" + text
        try check(path: path, in: whole)
        return path
    }

    /// Whether a path can stand in a request line.
    static func check(path: String, in whole: String) throws(LoadFailure) {
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw LoadFailure("'\(whole)' has a character that a path cannot have: write it as %XX")
        }
    }

    private static func place(_ text: Substring, in whole: String) throws(LoadFailure) -> (String, UInt16) {
        guard !text.contains("@") else { throw LoadFailure("'\(whole)' names a user: give it with --header") }
        var host = text
        var digits: Substring?
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else {
                throw LoadFailure("'\(whole)' has no ] after its IPv6 address, as in http://[::1]:8080/")
            }
            host = text[text.index(after: text.startIndex)..<close]
            let tail = text[text.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else {
                throw LoadFailure("'\(whole)' has something else than a port behind its ]")
            }
            if !tail.isEmpty { digits = tail.dropFirst() }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            digits = text[text.index(after: colon)...]
        }
        let port = digits.map { UInt16($0).flatMap { $0 == 0 ? nil : $0 } } ?? 80
        guard let port else { throw LoadFailure("'\(whole)' has a port that is none: give 1 to 65535") }
        if host.isEmpty {
            guard digits != nil else { throw LoadFailure("'\(whole)' names no host, as in http://127.0.0.1:8080/") }
            return ("127.0.0.1", port)
        }
        return (String(host), port)
    }
}

extension Substring {
    /// The first place of a text, without Foundation.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
