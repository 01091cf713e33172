// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// What a read from a stream gave.
package enum StreamRead: Equatable, Sendable {
    /// So many bytes, at least one, are at the start of the buffer.
    case bytes(Int)
    /// Nothing waits.
    case wouldBlock
    /// The other side sends nothing any more: it has shut down, closed, or is gone.
    case ended
}

/// What a write to a stream gave.
package enum StreamWrite: Equatable, Sendable {
    /// So many bytes were taken, at least one; the rest is to be written again.
    case bytes(Int)
    /// There is no room now.
    case wouldBlock
    /// The other side will never take anything.
    case closed
}

/// One connection of an AF_UNIX SOCK_STREAM socket.
///
/// See unix(7). No read and no write waits, whatever the descriptor's own O_NONBLOCK says.
package struct StreamSocket: ~Copyable, Sendable {
    /// The socket.
    package let descriptor: Descriptor

    /// Takes over an open socket.
    package init(owning descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Connects to a listener.
    ///
    /// Wraps `connect(2)`; for clients, never the master.
    ///
    /// - Parameters:
    ///   - path: The listener's socket file.
    ///   - limit: The longest wait for a listener whose backlog is full.
    /// - Throws: ECONNREFUSED or ENOENT when nobody listens, EACCES when it is forbidden, EAGAIN when the time passed.
    /// - Returns: The connection.
    package static func connect(to path: String, within limit: Duration) throws(SystemError) -> StreamSocket {
        let address = try SocketAddress(unixPath: path)
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let number = try check("create a socket for", path) { socket(AF_UNIX, type, 0) }
        let descriptor = Descriptor(owning: number)
        // A Unix connect never goes on in the background: it is done, or it waits for room in the backlog this long.
        let (seconds, attoseconds) = limit.components
        var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        try check("set a time limit on", path) {
            unsafe setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        try check("connect to", path) {
            unsafe address.withPointer { unsafe maitred_linux_connect(number, $0, $1) }
        }
        return StreamSocket(owning: descriptor)
    }

    /// Reads what has arrived into the start of a buffer, at most as much as that holds.
    ///
    /// Never waits. Descriptors that a peer attached are closed by the kernel, because nobody asks for them. Wraps
    /// `recv(2)` with MSG_DONTWAIT.
    ///
    /// - Parameter buffer: Not empty; keeps its size.
    /// - Returns: How many bytes came, or why none.
    package func read(into buffer: inout [UInt8]) -> StreamRead {
        let count = retrying {
            // SAFETY: pointer and count belong together, and the kernel writes during the call only.
            unsafe buffer.withUnsafeMutableBytes {
                unsafe recv(descriptor.number, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
            }
        }
        if count > 0 { return .bytes(count) }
        // Anything but "nothing yet" is an end, ECONNRESET of a peer that left without reading our answer too.
        return count == -Int(EAGAIN) ? .wouldBlock : .ended
    }

    /// Writes as many bytes as there is room for.
    ///
    /// Never waits. Wraps `send(2)` with MSG_DONTWAIT and MSG_NOSIGNAL.
    ///
    /// - Parameter bytes: Not empty.
    /// - Returns: How many were taken, or why none.
    package func write(_ bytes: ArraySlice<UInt8>) -> StreamWrite {
        let count = retrying {
            // SAFETY: pointer and count belong together, and the kernel reads during the call only.
            unsafe bytes.withUnsafeBytes {
                unsafe maitred_linux_send(descriptor.number, $0.baseAddress, $0.count, -1)
            }
        }
        if count > 0 { return .bytes(count) }
        switch -count {
        case Int(EAGAIN), Int(ENOBUFS), Int(ENOMEM): return .wouldBlock
        default: return .closed
        }
    }

    /// Says that nothing more will be written: the other side reads an end, and can still answer.
    ///
    /// Wraps `shutdown(2)` SHUT_WR.
    package func finishWriting() {
        _ = shutdown(descriptor.number, CInt(SHUT_WR))
    }

    /// Waits until something can be read, the other side is gone, or the time passed.
    ///
    /// Wraps `poll(2)`; for clients, never the master.
    ///
    /// - Parameter milliseconds: The longest wait; -1 waits for ever.
    package func waitReadable(milliseconds: CInt) {
        wait(for: POLLIN, milliseconds)
    }

    /// Waits until something can be written, the other side is gone, or the time passed.
    ///
    /// Wraps `poll(2)`; for clients, never the master.
    ///
    /// - Parameter milliseconds: The longest wait; -1 waits for ever.
    package func waitWritable(milliseconds: CInt) {
        wait(for: POLLOUT, milliseconds)
    }

    private func wait(for events: CInt, _ milliseconds: CInt) {
        var entry = pollfd(fd: descriptor.number, events: Int16(events), revents: 0)
        _ = unsafe poll(&entry, 1, milliseconds)
    }
}

/// What accepting a stream gave.
package enum StreamAccept: ~Copyable {
    /// A connection, close-on-exec.
    case accepted(StreamSocket)
    /// Nobody waits.
    case wouldBlock
    /// This connection is gone already; the next may be fine.
    case connectionFailed
    /// Descriptors, memory or buffers are used up: accepting again at once would fail again.
    case exhausted(errno: CInt)
}

extension ListeningSocket {
    /// Accepts one connection of a Unix listener without waiting; what it calls itself is not asked for.
    ///
    /// See `accept(peer:length:)`.
    package func acceptStream() -> StreamAccept {
        var length: UInt32 = 0
        // SAFETY: without a buffer the kernel writes no address.
        switch unsafe accept(peer: UnsafeMutableRawBufferPointer(start: nil, count: 0), length: &length) {
        case .accepted(let connection): return .accepted(StreamSocket(owning: connection))
        case .wouldBlock: return .wouldBlock
        case .connectionFailed: return .connectionFailed
        case .exhausted(let errno): return .exhausted(errno: errno)
        }
    }

    /// Lets nobody attach descriptors to what they send to connections accepted from now on, where the kernel can.
    package func refuseDescriptors() { descriptor.refuseDescriptors() }
}

extension Descriptor {
    /// Lets nobody attach descriptors to what they send to this socket, or to those accepted from it, where the kernel can.
    ///
    /// Whoever sends one makes the receiver its last owner, and the close of a TCP socket that lingers (socket(7)) waits.
    /// Sets SO_PASSRIGHTS to 0 (Linux 6.16); older kernels close such descriptors when the bytes are read.
    package func refuseDescriptors() {
        // The option is younger than the C library's headers. 83 on every architecture that Swift runs on.
        let passRights: CInt = 83
        var value: CInt = 0
        _ = unsafe setsockopt(number, SOL_SOCKET, passRights, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Makes the coming close one that does not wait: no lingering, whatever the socket was set to.
    package func stopLingering() {
        _ = maitred_linux_stop_lingering(number)
    }
}
