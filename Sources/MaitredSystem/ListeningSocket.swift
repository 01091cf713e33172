// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// How a listening socket is opened.
package struct ListeningOptions: Sendable {
    /// Connections the kernel queues before they are accepted; bounded by net.core.somaxconn.
    package var backlog: CInt
    /// TCP_NODELAY, which accepted connections inherit.
    package var noDelay: Bool
    /// Permission bits of a Unix socket; nil leaves them to the umask.
    package var mode: UInt32?
    /// The group that owns a Unix socket's file; nil leaves it to the process and the directory.
    package var group: UInt32?
    /// SO_REUSEPORT: other sockets of this user with the same option may be bound to the same TCP address.
    package var isPortShared = false

    /// Options with the defaults a server wants.
    package init(backlog: CInt = 4096, noDelay: Bool = false, mode: UInt32? = nil, group: UInt32? = nil) {
        self.backlog = backlog
        self.noDelay = noDelay
        self.mode = mode
        self.group = group
    }
}

/// What an accept gave.
package enum AcceptResult: ~Copyable {
    /// A connection, non-blocking and close-on-exec.
    case accepted(Descriptor)
    /// Nobody waits.
    case wouldBlock
    /// This connection is gone already; the next may be fine.
    case connectionFailed
    /// Descriptors, memory or buffers are used up, or it is forbidden: accepting again at once would fail again.
    case exhausted(errno: CInt)
}

/// A socket that accepts connections, opened here or taken over from a service manager.
package struct ListeningSocket: ~Copyable, Sendable {
    /// The socket.
    package let descriptor: Descriptor

    /// The address it is bound to, with the real port.
    package let address: SocketAddress

    /// The file to remove when the listener closes: set only for a Unix socket that this process created.
    private let ownedFile: OwnedFile?

    /// A path, and which file it named when this process created it.
    private struct OwnedFile: Sendable {
        let path: String
        let identity: FileIdentity
    }

    /// Opens, binds and listens.
    ///
    /// IPv6 sockets take IPv6 only (IPV6_V6ONLY), so `0.0.0.0` and `[::]` never collide.
    ///
    /// A Unix socket file that nobody listens on any more is replaced; one that answers is an error (EADDRINUSE).
    package static func open(
        _ address: SocketAddress,
        _ options: ListeningOptions
    ) throws(SystemError) -> ListeningSocket {
        let socket = try bound(to: address, options)
        try socket.startListening(backlog: options.backlog)
        return socket
    }

    /// Opens and binds as `open` does, and leaves it to `startListening` when clients may connect.
    package static func bound(
        to address: SocketAddress,
        _ options: ListeningOptions
    ) throws(SystemError) -> ListeningSocket {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let number = try check("create a socket for", "\(address)") { socket(address.family, type, 0) }
        let descriptor = Descriptor(owning: number)
        var ownedFile: OwnedFile?
        if let path = address.unixPath {
            try bindUnix(descriptor, address, path, options)
            ownedFile = FileIdentity.ofPath(path).map { OwnedFile(path: path, identity: $0) }
        } else {
            try bindInternet(descriptor, address, options)
        }
        let bound = try SocketAddress.local(of: descriptor)
        return ListeningSocket(descriptor: descriptor, address: bound, ownedFile: ownedFile)
    }

    /// Lets clients connect; where they can already, changes the number that may wait.
    ///
    /// Wraps `listen(2)`.
    package func startListening(backlog: CInt) throws(SystemError) {
        try check("listen on", "\(address)") { listen(descriptor.number, backlog) }
    }

    /// Lets nobody connect any more, whichever process shares the socket.
    ///
    /// Wraps `shutdown(2)` SHUT_RD. On TCP it also resets who still waits to be accepted. An accept gives EINVAL from
    /// then on. Never to be done to a socket that a service manager keeps for the next start.
    package func stopListening() {
        _ = shutdown(descriptor.number, CInt(SHUT_RD))
    }

    /// Whether clients can connect.
    ///
    /// Wraps `getsockopt(2)` SO_ACCEPTCONN.
    package var isListening: Bool { socketOption(descriptor.number, SO_ACCEPTCONN) == 1 }

    /// Takes over a listening socket from a service manager.
    ///
    /// - Throws: EINVAL when the descriptor is not a listening stream socket.
    package static func adopt(_ descriptor: consuming Descriptor) throws(SystemError) -> ListeningSocket {
        let number = descriptor.number
        guard socketOption(number, SO_ACCEPTCONN) == 1, socketOption(number, SO_TYPE) == CInt(SOCK_STREAM.rawValue)
        else {
            throw SystemError(
                call: "take over",
                object: "descriptor \(number) as a listening stream socket",
                errno: EINVAL
            )
        }
        return try adopt(bound: descriptor)
    }

    /// Takes over a bound socket that may not listen yet.
    ///
    /// - Throws: EINVAL when the descriptor is not a stream socket.
    package static func adopt(bound descriptor: consuming Descriptor) throws(SystemError) -> ListeningSocket {
        let number = descriptor.number
        guard socketOption(number, SO_TYPE) == CInt(SOCK_STREAM.rawValue) else {
            throw SystemError(call: "take over", object: "descriptor \(number) as a stream socket", errno: EINVAL)
        }
        // The status flag belongs to the open file, which we may share; every accept is non-blocking only with it.
        try setNonBlocking(descriptor)
        let address = try SocketAddress.local(of: descriptor)
        return ListeningSocket(descriptor: descriptor, address: address, ownedFile: nil)
    }

    private init(descriptor: consuming Descriptor, address: SocketAddress, ownedFile: OwnedFile?) {
        self.descriptor = descriptor
        self.address = address
        self.ownedFile = ownedFile
    }

    /// Accepts one connection without waiting.
    ///
    /// Wraps `accept4(2)` with SOCK_NONBLOCK and SOCK_CLOEXEC.
    ///
    /// - Parameters:
    ///   - peer: Receives the peer's `struct sockaddr`, cut at the buffer's size.
    ///   - length: Receives the whole address's length, which may exceed the buffer's.
    /// - Returns: The connection, or why there is none.
    @inline(__always)
    package func accept(peer: UnsafeMutableRawBufferPointer, length: inout UInt32) -> AcceptResult {
        length = UInt32(peer.count)
        // SAFETY: the kernel writes at most `length` bytes, which is the buffer's size.
        let number = retrying { unsafe maitred_linux_accept(descriptor.number, peer.baseAddress, &length) }
        if number >= 0 { return .accepted(Descriptor(owning: number)) }
        return AcceptResult(failure: -number)
    }

    /// Whether somebody waits to be accepted.
    ///
    /// Wraps `poll(2)` without waiting.
    package var hasWaiting: Bool {
        var entry = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, 0) > 0
    }

    /// Removes the file of a Unix socket that this process created, unless the path names another file by now.
    ///
    /// The socket itself closes with the value; while it is open its file's inode number cannot be used again, so an
    /// equal one means that it is the same file.
    package func removeFile() {
        guard let ownedFile, FileIdentity.ofPath(ownedFile.path) == ownedFile.identity else { return }
        _ = unsafe unlink(ownedFile.path)
    }

    private static func bindInternet(
        _ socket: borrowing Descriptor,
        _ address: SocketAddress,
        _ options: ListeningOptions
    ) throws(SystemError) {
        try setSocketOption(socket, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.family == AF_INET6 { try setSocketOption(socket, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        if options.isPortShared { try setSocketOption(socket, SOL_SOCKET, SO_REUSEPORT, 1) }
        if options.noDelay { try setSocketOption(socket, CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
        let result = bindOnce(socket, address)
        guard result >= 0 else { throw SystemError(call: "listen on", object: "\(address)", errno: result) }
    }

    private static func bindUnix(
        _ socket: borrowing Descriptor,
        _ address: SocketAddress,
        _ path: String,
        _ options: ListeningOptions
    ) throws(SystemError) {
        // The file appears with its final mode: bind(2) applies the umask, so it is set around the call.
        let previous = options.mode.map { umask(~$0 & 0o777) }
        defer { if let previous { _ = umask(previous) } }
        let result = bindOnce(socket, address)
        if result < 0 {
            guard result == -EADDRINUSE, try isStale(address, path) else {
                throw failure(address, path, errno: result)
            }
            try check("replace", path) { unsafe unlink(path) }
            let second = bindOnce(socket, address)
            guard second >= 0 else { throw SystemError(call: "listen on", object: "\(address)", errno: second) }
        }
        // Before listen(2): until then nobody can connect, whatever group the file was born with.
        if let group = options.group { try setGroup(of: path, group) }
    }

    /// Gives a new socket file to a group; removes the file when that is forbidden.
    private static func setGroup(of path: String, _ group: UInt32) throws(SystemError) {
        do throws(SystemError) {
            // An owner of -1 stays who it is.
            try check("change the group of", path) { unsafe lchown(path, uid_t.max, group) }
        } catch {
            _ = unsafe unlink(path)
            throw error
        }
    }

    /// bind(2), with the negative error number when it fails.
    private static func bindOnce(_ socket: borrowing Descriptor, _ address: SocketAddress) -> CInt {
        retrying { unsafe address.withPointer { unsafe maitred_linux_bind(socket.number, $0, $1) } }
    }

    /// Why a Unix socket cannot be bound, in words of its own for what an operator gets wrong.
    private static func failure(_ address: SocketAddress, _ path: String, errno: CInt) -> SystemError {
        var status = stat()
        let isThere = unsafe lstat(path, &status) == 0
        let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        if errno == -EADDRINUSE, isThere, status.st_mode & S_IFMT != S_IFSOCK {
            let reason = "there is a file at \(path) that is no socket: remove it, or give another path"
            return SystemError(call: "listen on", object: "\(address)", errno: EEXIST, reason: reason)
        }
        if errno == -ENOENT, !isThere, unsafe stat(directory, &status) != 0 {
            let reason = "there is no directory \(directory): make it, or give another path"
            return SystemError(call: "listen on", object: "\(address)", errno: ENOENT, reason: reason)
        }
        return SystemError(call: "listen on", object: "\(address)", errno: errno)
    }

    /// Whether the path is a socket that refuses connections: its listener is gone.
    private static func isStale(_ address: SocketAddress, _ path: String) throws(SystemError) -> Bool {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let probe = Descriptor(owning: try check("create a socket for", "\(address)") { socket(AF_UNIX, type, 0) })
        let result = retrying { unsafe address.withPointer { unsafe maitred_linux_connect(probe.number, $0, $1) } }
        return result == -ECONNREFUSED
    }
}

extension FileIdentity {
    /// The file at a path, not followed if it is a link; nil when there is none.
    ///
    /// Wraps `lstat(2)`.
    package static func ofPath(_ path: String) -> FileIdentity? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}

extension AcceptResult {
    /// Sorts accept(2)'s errors into what the caller must do about them.
    init(failure errno: CInt) {
        switch errno {
        case EAGAIN:
            self = .wouldBlock
        // The network errors are those Linux passes on from a connection that failed before it was accepted.
        case ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
            ENETUNREACH,
            ETIMEDOUT:
            self = .connectionFailed
        case EBADF, ENOTSOCK, EFAULT:
            preconditionFailure("accept4 on our own listener failed: \(SystemError.words(for: errno))")
        // Beside EMFILE, ENFILE, ENOBUFS and ENOMEM: what a security module answers, or EINVAL when somebody who
        // shares the listener has shut it down.
        default:
            self = .exhausted(errno: errno)
        }
    }
}
