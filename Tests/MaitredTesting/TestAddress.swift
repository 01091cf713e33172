// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where a test's client connects, or what it connects from.
package enum TestAddress: Equatable, Sendable, CustomStringConvertible {
    /// "127.0.0.1" and a port.
    case ipv4(_ host: String = "127.0.0.1", port: UInt16)
    /// "::1" and a port.
    case ipv6(_ host: String = "::1", port: UInt16)
    /// A path.
    case unix(String)

    /// Reads "127.0.0.1:8080", "[::1]:8080" or "unix:/path", as the master writes them.
    package init?(_ text: some StringProtocol) {
        if text.hasPrefix("unix:") {
            self = .unix(String(text.dropFirst(5)))
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        guard let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            self = .ipv6(String(host.dropFirst().dropLast()), port: port)
        } else {
            self = .ipv4(String(host), port: port)
        }
    }

    /// "127.0.0.1:8080", "[::1]:8080", "unix:/path".
    package var description: String {
        switch self {
        case .ipv4(let host, let port): "\(host):\(port)"
        case .ipv6(let host, let port): "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// AF_INET, AF_INET6 or AF_UNIX.
    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// The `struct sockaddr` of the address, nil when the host or the path makes none.
    var bytes: [UInt8]? {
        switch self {
        case .ipv4(let host, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
            return withUnsafeBytes(of: address) { Array($0) }
        case .ipv6(let host, let port):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return nil }
            return withUnsafeBytes(of: address) { Array($0) }
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let room = MemoryLayout.size(ofValue: address.sun_path)
            guard path.utf8.count < room else { return nil }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            return withUnsafeBytes(of: address) { Array($0) }
        }
    }

    /// The `struct sockaddr` of an address that is known to make one.
    package var sockaddr: [UInt8] {
        guard let bytes else { preconditionFailure("\(self) is no address") }
        return bytes
    }
}
