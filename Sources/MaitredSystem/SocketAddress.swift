// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Where a socket listens or connects: IPv4, IPv6 or a Unix path.
package struct SocketAddress: Sendable, CustomStringConvertible {
    private var storage = sockaddr_storage()

    /// Bytes of the address that count.
    package private(set) var length: UInt32

    /// AF_INET, AF_INET6 or AF_UNIX.
    package var family: CInt { CInt(storage.ss_family) }

    /// Wraps an address the kernel gave.
    private init(storage: sockaddr_storage, length: UInt32) {
        self.storage = storage
        self.length = length
    }

    /// The address of a Unix socket.
    ///
    /// - Throws: ENAMETOOLONG when the path has more than 107 bytes, EINVAL when it is empty or has a NUL: the kernel
    ///   would take it for another.
    package init(unixPath path: String) throws(SystemError) {
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else {
            throw SystemError(call: "use socket path", object: path, errno: ENAMETOOLONG)
        }
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw SystemError(call: "use socket path", object: path, errno: EINVAL)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: the path was checked to fit, and the zeroed rest ends it.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe withUnsafeBytes(of: address) { unsafe target.copyMemory(from: $0) }
        }
        self.init(storage: storage, length: UInt32(MemoryLayout<sockaddr_un>.size))
    }

    /// The first address a host and port stand for.
    ///
    /// Looks names up, so it belongs to start-up. Wraps `getaddrinfo(3)`.
    ///
    /// - Parameters:
    ///   - host: An IPv4 or IPv6 address without brackets, or a name.
    ///   - port: The port.
    /// - Throws: What the resolver says.
    /// - Returns: The address.
    package static func resolve(host: String, port: UInt16) throws(SystemError) -> SocketAddress {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(host, String(port), &hints, &list)
        defer { unsafe freeaddrinfo(list) }
        guard result == 0, let first = unsafe list, let address = unsafe first.pointee.ai_addr else {
            let isSystem = result == EAI_SYSTEM
            throw SystemError(
                call: "find the address of",
                object: host,
                errno: isSystem ? errno : ENXIO,
                reason: isSystem ? nil : unsafe String(cString: gai_strerror(result))
            )
        }
        let length = unsafe first.pointee.ai_addrlen
        var storage = sockaddr_storage()
        // SAFETY: getaddrinfo says how long its address is, and no address is longer than sockaddr_storage.
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
        return SocketAddress(storage: storage, length: length)
    }

    /// The address a socket is bound to.
    ///
    /// Wraps `getsockname(2)`.
    package static func local(of socket: borrowing Descriptor) throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        try check("read the address of", "descriptor \(socket.number)") {
            unsafe maitred_linux_getsockname(socket.number, &storage, &length)
        }
        return SocketAddress(storage: storage, length: length)
    }

    /// Reads an address out of the bytes of a `struct sockaddr`, whoever wrote them; nil when they make no sense.
    package init?(bytes: Span<UInt8>) {
        guard bytes.count >= MemoryLayout<sa_family_t>.size, bytes.count <= MemoryLayout<sockaddr_storage>.size else {
            return nil
        }
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            for index in bytes.indices { unsafe target[index] = bytes[index] }
        }
        let needed: Int
        switch CInt(storage.ss_family) {
        case AF_INET: needed = MemoryLayout<sockaddr_in>.size
        case AF_INET6: needed = MemoryLayout<sockaddr_in6>.size
        case AF_UNIX: needed = MemoryLayout<sa_family_t>.size
        default: return nil
        }
        guard bytes.count >= needed else { return nil }
        self.init(storage: storage, length: UInt32(bytes.count))
    }

    /// The port, nil for Unix sockets.
    package var port: UInt16? {
        switch family {
        case AF_INET: UInt16(bigEndian: reading(sockaddr_in.self).sin_port)
        case AF_INET6: UInt16(bigEndian: reading(sockaddr_in6.self).sin6_port)
        default: nil
        }
    }

    /// The path, nil for IP sockets and unnamed or abstract Unix sockets.
    package var unixPath: String? {
        guard family == AF_UNIX, length > UInt32(MemoryLayout<sa_family_t>.size) else { return nil }
        let address = reading(sockaddr_un.self)
        // SAFETY: sun_path is read up to its first NUL or its end, whichever comes first.
        let path = unsafe withUnsafeBytes(of: address.sun_path) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return path.isEmpty ? nil : path
    }

    /// "127.0.0.1", "::1"; nil for Unix sockets.
    package var host: String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let size = socklen_t(text.count)
        switch family {
        case AF_INET:
            var address = reading(sockaddr_in.self).sin_addr
            _ = unsafe inet_ntop(AF_INET, &address, &text, size)
        case AF_INET6:
            var address = reading(sockaddr_in6.self).sin6_addr
            _ = unsafe inet_ntop(AF_INET6, &address, &text, size)
        default:
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// How the 16 bytes of an IPv6 address are written.
    ///
    /// Wraps `inet_ntop(3)`.
    static func text(ipv6 bytes: [UInt8]) -> String? {
        guard bytes.count == MemoryLayout<in6_addr>.size else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // SAFETY: the address has its 16 bytes, and the text is as long as it says.
        guard unsafe inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock".
    package var description: String {
        guard let host, let port else { return "unix:\(unixPath ?? "")" }
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Gives the address to a call that wants a pointer and a length.
    func withPointer<Result>(_ body: (UnsafeRawPointer, UInt32) -> Result) -> Result {
        // SAFETY: the pointer is used by the call only, and length never exceeds the storage.
        unsafe withUnsafeBytes(of: storage) { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("sockaddr_storage is not empty") }
            return unsafe body(base, length)
        }
    }

    private func reading<Address>(_ type: Address.Type) -> Address {
        // SAFETY: every sockaddr type is plain data and no larger than sockaddr_storage.
        unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: type) }
    }
}

extension SocketAddress {
    /// AF_INET, for readers of raw addresses.
    package static var ipv4Family: CInt { AF_INET }
    /// AF_INET6, for readers of raw addresses.
    package static var ipv6Family: CInt { AF_INET6 }
}
