// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Why a client's connection is not there, or not any more.
package enum ClientFailure: Error, Equatable, Sendable {
    /// Nobody listens there, nobody can be reached, or it is forbidden.
    case refused
    /// The other side has ended the connection without waiting for what was under way.
    case reset
    /// The kernel gave up waiting for the other side.
    case timedOut
    /// This machine has no descriptor, port or memory left.
    case exhausted

    /// Sorts the errors of connect(2), send(2) and recv(2).
    init(errno: CInt) {
        switch errno {
        case ECONNRESET, EPIPE:
            self = .reset
        case ETIMEDOUT:
            self = .timedOut
        // EAGAIN: connect(2) of an IP socket without a free port; what would block was sorted out before.
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE, EAGAIN:
            self = .exhausted
        case EBADF, EFAULT, ENOTSOCK:
            preconditionFailure("our own socket failed: \(SystemError.words(for: errno))")
        default:
            self = .refused
        }
    }
}

/// What a client's read or write gave.
package enum ClientTransfer: Equatable, Sendable {
    /// So many bytes were moved, at least one.
    case bytes(Int)
    /// Nothing can be moved now: the socket is not connected yet, nothing has come, or there is no room.
    case wouldBlock
    /// The other side sends nothing any more; only of a read.
    case ended
    /// The connection is lost.
    case failed(ClientFailure)

    /// - Parameter result: What send(2) or recv(2) gave, or the negative error number.
    @inline(__always)
    fileprivate init(result: Int) {
        if result > 0 {
            self = .bytes(result)
        } else if result == 0 {
            self = .ended
        } else if result == -Int(EAGAIN) {
            self = .wouldBlock
        } else {
            self = .failed(ClientFailure(errno: CInt(-result)))
        }
    }
}

/// What beginning to connect gave.
package enum ClientOpening: ~Copyable {
    /// A socket that is connected, or will be or fail: write to it, or wait until it is writable.
    case begun(ClientSocket)
    /// The backlog of a Unix listener is full, of which the kernel reports no end.
    case wouldBlock
    /// It cannot be connected.
    case failed(ClientFailure)
}

/// A client's end of a stream connection: TCP over IPv4 or IPv6, or Unix.
///
/// No call waits but `connect(to:within:)`.
package struct ClientSocket: ~Copyable, Sendable {
    /// The socket, non-blocking and close-on-exec.
    package let descriptor: Descriptor

    /// Begins to connect.
    ///
    /// Wraps `socket(2)` and `connect(2)`.
    ///
    /// - Parameter address: Where to.
    /// - Returns: The socket, or why there is none.
    package static func open(to address: SocketAddress) -> ClientOpening {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let number = retrying { socket(address.family, type, 0) }
        guard number >= 0 else { return .failed(ClientFailure(errno: -number)) }
        let descriptor = Descriptor(owning: number)
        let result = retrying { unsafe address.withPointer { unsafe maitred_linux_connect(number, $0, $1) } }
        if result >= 0 || result == -EINPROGRESS { return .begun(ClientSocket(descriptor: descriptor)) }
        if result == -EAGAIN, address.family == AF_UNIX { return .wouldBlock }
        return .failed(ClientFailure(errno: -result))
    }

    /// Connects, and waits for it.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - limit: The longest wait.
    /// - Returns: A connected socket.
    /// - Throws: What `connect(2)` gave; ETIMEDOUT when the time passed.
    package static func connect(to address: SocketAddress, within limit: Duration) throws(SystemError) -> ClientSocket {
        let end = ContinuousClock.now + limit
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let number = try check("create a socket for", "\(address)") { socket(address.family, type, 0) }
        let client = ClientSocket(descriptor: Descriptor(owning: number))
        var result = retrying { unsafe address.withPointer { unsafe maitred_linux_connect(number, $0, $1) } }
        while result == -EAGAIN, address.family == AF_UNIX, ContinuousClock.now < end {
            // The backlog is full, and nothing tells when there is room: look again after a millisecond.
            MonotonicClock.rest(nanoseconds: 1_000_000)
            result = retrying { unsafe address.withPointer { unsafe maitred_linux_connect(number, $0, $1) } }
        }
        if result == -EINPROGRESS { result = -client.errorOnceConnected(until: end) }
        guard result >= 0 else { throw SystemError(call: "connect to", object: "\(address)", errno: result) }
        return client
    }

    private init(descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Waits for a connection that was begun: 0 once it is there, else the error number.
    private func errorOnceConnected(until end: ContinuousClock.Instant) -> CInt {
        while true {
            let (seconds, attoseconds) = (end - ContinuousClock.now).components
            let milliseconds = max(0, seconds) * 1000 + max(0, attoseconds) / 1_000_000_000_000_000
            var entry = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
            let count = unsafe poll(&entry, 1, CInt(clamping: milliseconds))
            if count > 0 { return socketOption(descriptor.number, SO_ERROR) ?? ENOTSOCK }
            if count == 0, ContinuousClock.now >= end { return ETIMEDOUT }
        }
    }

    /// Writes as many bytes as there is room for.
    ///
    /// Succeeds as soon as the connection is there, without anybody having asked whether it is. Wraps `send(2)` with
    /// MSG_NOSIGNAL.
    ///
    /// - Parameters:
    ///   - bytes: What to send.
    ///   - offset: Where to begin, less than the number of bytes.
    /// - Returns: How many were taken, or why none.
    @inline(__always)
    package func write(_ bytes: [UInt8], from offset: Int) -> ClientTransfer {
        let count = retrying {
            // SAFETY: pointer and count stay within the array, and the kernel reads during the call only.
            unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[offset...])
                return unsafe send(descriptor.number, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
            }
        }
        return ClientTransfer(result: count)
    }

    /// Reads what has come into the start of a buffer, at most as much as that holds.
    ///
    /// Wraps `recv(2)`.
    ///
    /// - Parameter buffer: Not empty; keeps its size.
    /// - Returns: How many bytes came, or why none.
    @inline(__always)
    package func read(into buffer: inout [UInt8]) -> ClientTransfer {
        let count = retrying {
            // SAFETY: pointer and count belong together, and the kernel writes during the call only.
            unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor.number, $0.baseAddress, $0.count, 0) }
        }
        return ClientTransfer(result: count)
    }

    /// Makes the close a reset, which leaves no port behind that is taken for a minute (TIME_WAIT).
    ///
    /// Sets SO_LINGER to zero seconds.
    package func resetOnClose() {
        var setting = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        _ = unsafe setsockopt(descriptor.number, SOL_SOCKET, SO_LINGER, &setting, size)
    }
}
