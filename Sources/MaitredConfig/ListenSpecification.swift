// SPDX-License-Identifier: Apache-2.0

/// One place where clients connect: an address and how its socket is set up.
public struct ListenSpecification: Hashable, Sendable, CustomStringConvertible {
    /// Where a socket listens; the texts are checked and in canonical form.
    public enum Address: Hashable, Sendable {
        /// A dotted address: `127.0.0.1`.
        case ipv4(String, port: UInt16)
        /// An address without brackets, with its zone if it has one: `fe80::1%eth0`. The socket is IPv6 only.
        case ipv6(String, port: UInt16)
        /// A host name, in lower case; the master looks it up once, at start.
        case host(String, port: UInt16)
        /// An absolute path of at most 107 bytes.
        case unix(path: String)

        /// Whether it is a path and no TCP address.
        var isUnix: Bool {
            if case .unix = self { true } else { false }
        }
    }

    /// Connections that the kernel may hold for the listener unless told otherwise.
    ///
    /// The value of `net.core.somaxconn` since Linux 5.4; the kernel lowers a larger backlog to that setting.
    public static let defaultBacklog = 4096
    /// More than 65,535 waiting clients are a reason to add machines, not backlog.
    public static let backlogRange = 1...65_535
    /// `sun_path` has 108 bytes, and the kernel wants the last one to be zero.
    public static let longestPath = 107
    /// The longest name that systemd gives a socket; the same names are used for both.
    public static let longestName = 255

    /// Where it listens.
    public let address: Address
    /// Permission bits of a Unix socket, `0o000` to `0o777`; `nil` leaves them to the umask.
    public let mode: UInt16?
    /// The `backlog` of `listen(2)`.
    public let backlog: Int
    /// Whether accepted TCP connections send small packets at once (`TCP_NODELAY`).
    public let hasNoDelay: Bool
    /// What the listener is called in logs and by workers; `nil` leaves it without a name.
    public let name: String?

    /// A listener on an address, set up as most servers want it unless told otherwise.
    public init(
        address: Address,
        mode: UInt16? = nil,
        backlog: Int = defaultBacklog,
        hasNoDelay: Bool = false,
        name: String? = nil
    ) {
        self.address = address
        self.mode = mode
        self.backlog = backlog
        self.hasNoDelay = hasNoDelay
        self.name = name
    }

    /// The canonical form, which reads back as an equal value.
    public var description: String {
        var text = address.description
        if let mode {
            let digits = String(mode, radix: 8)
            text += ",mode=" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        if backlog != Self.defaultBacklog { text += ",backlog=\(backlog)" }
        if hasNoDelay { text += ",nodelay" }
        if let name { text += ",name=\(name)" }
        return text
    }
}

extension ListenSpecification.Address: CustomStringConvertible {
    /// The canonical form, which `ListenSpecification.init(_:)` reads.
    public var description: String {
        switch self {
        case .ipv4(let host, let port), .host(let host, let port): return "\(host):\(port)"
        case .ipv6(let host, let port): return "[\(host)]:\(port)"
        case .unix(let path): return "unix:\(path)"
        }
    }

    /// Whether a second listener on an equal address must fail: not so for port 0, where the kernel picks another.
    var isExclusive: Bool {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port), .host(_, let port): return port != 0
        case .unix: return true
        }
    }
}
