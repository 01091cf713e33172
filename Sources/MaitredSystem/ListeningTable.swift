// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Which sockets listen, in the network of this process.
///
/// Asks the kernel for TCP listeners alone, see sock_diag(7): `/proc/net/tcp` has every connection in it, and hundreds of
/// thousands take a while. A kernel that does not answer is read there. Unix sockets are read from `/proc/net/unix`, see
/// proc(5).
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

    /// TCP listeners of a family that are looked at.
    private static let mostListeners = 1024
    /// Bytes of `tcp` and `tcp6` that are read, where the listeners come first: about 430.
    private static let longestInternet = 64 << 10
    /// Bytes of `unix` that are read: about 4,000 sockets.
    private static let longestLocal = 256 << 10

    /// Looks at the sockets as they are now.
    package init() {
        entries =
            (Self.listeners(AF_INET) ?? Self.internet(Self.text("tcp", Self.longestInternet)))
            + (Self.listeners(AF_INET6) ?? Self.internet(Self.text("tcp6", Self.longestInternet)))
            + Self.local(Self.text("unix", Self.longestLocal))
    }

    /// Understands the texts of the three files.
    init(tcp: [UInt8], tcp6: [UInt8], unix: [UInt8]) {
        entries = Self.internet(tcp) + Self.internet(tcp6) + Self.local(unix)
    }

    private static func text(_ name: String, _ limit: Int) -> [UInt8] {
        ProcessFiles.bytes(of: "/proc/self/net/\(name)", limit: limit) ?? []
    }

    /// What the kernel says of one family, nil when it says nothing.
    private static func listeners(_ family: CInt) -> [Entry]? {
        var found = [maitred_linux_listener](repeating: .init(), count: mostListeners)
        let count = unsafe found.withUnsafeMutableBufferPointer { buffer in
            // SAFETY: the function writes at most as many as there are.
            unsafe maitred_linux_listeners(family, buffer.baseAddress, buffer.count)
        }
        guard count >= 0 else { return nil }
        return found.prefix(count).compactMap { listener in
            var listener = listener
            let bytes = unsafe withUnsafeBytes(of: &listener.address) { unsafe Array($0) }
            let port = UInt16(bigEndian: listener.port)
            guard let host = host(family == AF_INET ? Array(bytes.prefix(4)) : bytes) else { return nil }
            return Entry(inode: listener.inode, address: "\(host):\(port)", port: port)
        }
    }

    private static func internet(_ text: [UInt8]) -> [Entry] {
        lines(text).lazy.map(words).prefix(while: listens).compactMap(internet)
    }

    private static func local(_ text: [UInt8]) -> [Entry] {
        lines(text).lazy.filter(isListener).map(words).compactMap(local)
    }

    /// All lines but the first, which is a heading.
    private static func lines(_ text: [UInt8]) -> ArraySlice<ArraySlice<UInt8>> {
        text.split(separator: UInt8(ascii: "\n")).dropFirst()
    }

    private static func words(_ line: ArraySlice<UInt8>) -> [Substring] {
        String(decoding: line, as: UTF8.self).split(separator: " ")
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

    /// Whether a line of `unix` is about a listener: bit 16 of the flags, the fourth word.
    ///
    /// Most are about connections, so the line is not taken apart for that.
    private static func isListener(_ line: ArraySlice<UInt8>) -> Bool {
        line.split(separator: UInt8(ascii: " "), maxSplits: 4).dropFirst(3).first?.elementsEqual("00010000".utf8)
            == true
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
        return host(bytes)
    }

    /// An address as it is written, in brackets if it is of IPv6.
    private static func host(_ bytes: [UInt8]) -> String? {
        switch bytes.count {
        case 4: return bytes.map { "\($0)" }.joined(separator: ".")
        case 16: return SocketAddress.text(ipv6: bytes).map { "[\($0)]" }
        default: return nil
        }
    }

    /// `0000…: 00000002 00000000 00010000 0001 01 4711 /run/x.sock`.
    private static func local(_ words: [Substring]) -> Entry? {
        guard words.count > 7, let inode = UInt64(words[6]) else { return nil }
        return Entry(inode: inode, address: "unix:\(words[7...].joined(separator: " "))", port: nil)
    }
}
