// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// What a send gave.
package enum SendResult: Equatable, Sendable {
    /// The packet is in the other side's queue.
    case sent
    /// There is no room now.
    case wouldBlock
    /// Too many descriptors of this user are in flight (ETOOMANYREFS, see unix(7)).
    case tooManyInFlight
    /// The other side will never take it.
    case closed(errno: CInt)
}

/// What a receive gave.
package enum ReceiveResult: ~Copyable {
    /// A packet of `length` bytes and the descriptor that came with it.
    case packet(length: Int, Descriptor?)
    /// A packet that must not be used: longer than the buffer, or its descriptor was lost.
    case damaged(descriptorLost: Bool)
    /// Nothing waits.
    case wouldBlock
    /// The other side is gone and everything it sent was received.
    case closed
}

/// Whole packets, each with at most one descriptor, over an AF_UNIX SOCK_SEQPACKET socket.
///
/// See unix(7).
///
/// No operation waits, whatever the descriptor's own O_NONBLOCK says: the flag may belong to another process.
package struct PacketSocket: ~Copyable, Sendable {
    /// The socket.
    package let descriptor: Descriptor

    /// Takes over an open socket.
    package init(owning descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Two connected ends, close-on-exec.
    ///
    /// Wraps `socketpair(2)`.
    package static func pair() throws(SystemError) -> SocketPair {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        try check("create a socket pair") { unsafe socketpair(AF_UNIX, type, 0, &ends) }
        return SocketPair(
            PacketSocket(owning: Descriptor(owning: ends[0])),
            PacketSocket(owning: Descriptor(owning: ends[1]))
        )
    }

    /// Sends one packet, with a descriptor attached when one is given.
    ///
    /// Never waits.
    @inline(__always)
    package func send(_ packet: UnsafeRawBufferPointer, attaching number: CInt? = nil) -> SendResult {
        // SAFETY: pointer and count belong together, and the kernel reads during the call only.
        let sent = retrying {
            unsafe maitred_linux_send(descriptor.number, packet.baseAddress, packet.count, number ?? -1)
        }
        if sent >= 0 { return .sent }
        return SendResult(failure: CInt(-sent))
    }

    /// Sends one packet of bytes.
    ///
    /// Never waits.
    package func send(_ packet: [UInt8]) -> SendResult {
        unsafe packet.withUnsafeBytes { unsafe send($0) }
    }

    /// Receives one packet.
    ///
    /// Never waits.
    @inline(__always)
    package func receive(into buffer: UnsafeMutableRawBufferPointer) -> ReceiveResult {
        unsafe receive(into: buffer, flags: CInt(MSG_DONTWAIT))
    }

    /// Shows the next packet without taking it: its bytes, never its descriptor.
    ///
    /// Never waits.
    ///
    /// - Returns: Its length, cut at the buffer's size, or nil when nothing waits.
    package func peek(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let flags = CInt(MSG_DONTWAIT) | CInt(MSG_PEEK)
        let length = retrying { unsafe recv(descriptor.number, buffer.baseAddress, buffer.count, flags) }
        return length > 0 ? length : nil
    }

    /// Whether the next packet's descriptor could be received now: false at the process's own limit.
    ///
    /// A receive at the limit would lose the connection (MSG_CTRUNC); a peek shows it and leaves it where it is.
    package func canReceiveDescriptor(scratch: UnsafeMutableRawBufferPointer) -> Bool {
        let flags = CInt(MSG_DONTWAIT) | CInt(MSG_PEEK)
        switch unsafe receive(into: scratch, flags: flags) {
        case .damaged(let descriptorLost): return !descriptorLost
        case .packet: return true
        case .wouldBlock: return true
        case .closed: return true
        }
    }

    private func receive(into buffer: UnsafeMutableRawBufferPointer, flags: CInt) -> ReceiveResult {
        var number: CInt = -1
        var messageFlags: CInt = 0
        // SAFETY: the kernel writes at most `count` bytes, during the call only.
        let length = retrying {
            unsafe maitred_linux_receive(
                descriptor.number,
                buffer.baseAddress,
                buffer.count,
                flags,
                &number,
                &messageFlags
            )
        }
        // Said once, before anything else, when the other side went without reading all of ours: what it sent still waits.
        if length == -Int(ECONNRESET) { return unsafe receive(into: buffer, flags: flags) }
        guard length >= 0 else { return length == -Int(EAGAIN) ? .wouldBlock : .closed }
        let attached: Descriptor? = number >= 0 ? Descriptor(owning: number) : nil
        if messageFlags & CInt(MSG_CTRUNC) != 0 { return .damaged(descriptorLost: true) }
        if messageFlags & CInt(MSG_TRUNC) != 0 { return .damaged(descriptorLost: false) }
        // SOCK_SEQPACKET: an empty packet and the end look the same; neither side ever sends an empty one.
        return length == 0 ? .closed : .packet(length: length, attached)
    }

    /// Bytes of all packets that wait to be received here.
    ///
    /// Wraps `ioctl(2)` FIONREAD.
    package func waitingBytes() -> Int {
        max(0, Int(retrying { maitred_linux_waiting_bytes(descriptor.number) }))
    }

    /// Refuses everything the other side would send from now on (it gets EPIPE).
    ///
    /// Wraps `shutdown(2)` SHUT_RD.
    package func closeForReceiving() throws(SystemError) {
        try check("shut down", "descriptor \(descriptor.number)") { shutdown(descriptor.number, CInt(SHUT_RD)) }
    }

    /// Sets how many bytes of packets may wait at the other side; the kernel doubles it for its own bookkeeping.
    package func setSendBuffer(bytes: Int) throws(SystemError) {
        try setSocketOption(descriptor, SOL_SOCKET, SO_SNDBUF, CInt(clamping: bytes))
    }

    /// Waits until there may be room for a packet, the other side is gone, or the time passed.
    ///
    /// Wraps `poll(2)`; for workers, never the master.
    package func waitWritable(milliseconds: CInt) {
        var entry = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&entry, 1, milliseconds)
    }
}

/// Both ends of a new pair, each to be taken once; an end that nobody takes closes with the pair.
package final class SocketPair {
    private var first: PacketSocket?
    private var second: PacketSocket?

    fileprivate init(_ first: consuming PacketSocket, _ second: consuming PacketSocket) {
        self.first = consume first
        self.second = consume second
    }

    /// One end.
    package func takeFirst() -> PacketSocket {
        guard let end = first.take() else { preconditionFailure("the first end was taken already") }
        return end
    }

    /// The other.
    package func takeSecond() -> PacketSocket {
        guard let end = second.take() else { preconditionFailure("the second end was taken already") }
        return end
    }
}

extension SendResult {
    /// Sorts sendmsg(2)'s errors into what the caller must do about them.
    init(failure errno: CInt) {
        switch errno {
        case EAGAIN, ENOBUFS, ENOMEM: self = .wouldBlock
        case ETOOMANYREFS: self = .tooManyInFlight
        default: self = .closed(errno: errno)
        }
    }
}
