// SPDX-License-Identifier: Apache-2.0

/// Which sockets listen, as the kernel lists them for the network that a process sees.
///
/// Reads `/proc/PID/net/tcp`, `tcp6` and `unix`, see proc(5). In the first two the listeners come first, however many
/// connections there are.
package struct ListeningTable: Equatable, Sendable {
    /// A socket that listens.
    package struct Entry: Hashable, Sendable {
        /// Which socket it is.
        package let inode: UInt64
        /// "127.0.0.1:3000", "[::1]:3000", "unix:/run/x.sock"; a name without a file is "unix:@name".
        package let address: String
        /// Nil for Unix sockets.
        package let port: UInt16?
    }

    /// In the order of the kernel's lists.
    package let entries: [Entry]

    /// Bytes of each list that are read: about 1,700 listeners, or 4,000 Unix sockets.
    private static let longestList = 256 << 10

    /// Looks at what a process could connect to on its own machine.
    package init(of pid: Int32) {
        let lists = ["tcp", "tcp6", "unix"].map {
            ProcessFiles.bytes(of: "/proc/\(pid)/net/\($0)", limit: Self.longestList)
        }
        self.init(tcp: lists[0] ?? [], tcp6: lists[1] ?? [], unix: lists[2] ?? [])
    }

    /// Understands the texts of the three files.
    init(tcp: [UInt8], tcp6: [UInt8], unix: [UInt8]) {
        entries =
            Self.lines(tcp).prefix(while: Self.listens).compactMap(Self.internet)
            + Self.lines(tcp6).prefix(while: Self.listens).compactMap(Self.internet)
            + Self.lines(unix).compactMap(Self.local)
    }

    /// The words of each line but the first, which is a heading.
    private static func lines(_ text: [UInt8]) -> [[Substring]] {
        String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst().map { $0.split(separator: " ") }
    }

    /// Whether a line of `tcp` is about a listener: its state, the fourth word, is 0A.
    private static func listens(_ words: [Substring]) -> Bool {
        words.count > 3 && words[3] == "0A"
    }

    /// `0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 …`.
    private static func internet(_ words: [Substring]) -> Entry? {
        guard words.count > 9, let inode = UInt64(words[9]) else { return nil }
        let parts = words[1].split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16), let host = host(parts[0]) else { return nil }
        return Entry(inode: inode, address: "\(host):\(port)", port: port)
    }

    /// An address in words of 32 bits, each printed as a number of this machine.
    private static func host(_ digits: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = digits
        while rest.count >= 8 {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            unsafe withUnsafeBytes(of: word) { unsafe bytes += Array($0) }
            rest = rest.dropFirst(8)
        }
        switch bytes.count {
        case 4: return bytes.map { "\($0)" }.joined(separator: ".")
        case 16: return SocketAddress.text(ipv6: bytes).map { "[\($0)]" }
        default: return nil
        }
    }

    /// `0000…: 00000002 00000000 00010000 0001 01 4711 /run/x.sock`, where bit 16 of the flags means that it listens.
    private static func local(_ words: [Substring]) -> Entry? {
        guard words.count > 7, let flags = UInt32(words[3], radix: 16), flags & 0x10000 != 0,
            let inode = UInt64(words[6])
        else { return nil }
        return Entry(inode: inode, address: "unix:\(words[7...].joined(separator: " "))", port: nil)
    }
}
