// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire
package import MaitredSystem

/// The version of the wire this side speaks.
package let wireVersion = Int(MAITRED_WIRE_VERSION)

/// The bytes that travel beside a connection: `struct maitred_packet` of `maitred_wire.h`.
package struct HandoffPacket: Sendable {
    /// Bytes of every packet.
    package static let size = Int(MAITRED_PACKET_SIZE)

    private var raw = maitred_packet()

    /// A packet that stands for nothing yet.
    package init() {
        raw.magic = MAITRED_PACKET_MAGIC
        raw.version = UInt16(MAITRED_WIRE_VERSION)
    }

    /// A knock: being taken is its only purpose.
    package static let knock: HandoffPacket = {
        var packet = HandoffPacket()
        packet.raw.flags = UInt16(MAITRED_PACKET_KNOCK)
        return packet
    }()

    /// Whether it carries no connection.
    package var isKnock: Bool { raw.flags & UInt16(MAITRED_PACKET_KNOCK) != 0 }

    /// Index of the listener that accepted the connection.
    package var listener: Int { Int(raw.listener) }

    /// The connection's place in the order of accept.
    package var sequence: UInt64 {
        get { raw.sequence }
        set { raw.sequence = newValue }
    }

    /// CLOCK_MONOTONIC at the accept.
    package var acceptedNanoseconds: UInt64 { raw.accepted_ns }

    /// The client's address as `accept4(2)` gave it; nil for an unnamed Unix client or bytes that make no sense.
    package var peer: SocketAddress? {
        let count = min(Int(raw.peer_length), Int(MAITRED_PEER_CAPACITY))
        let bytes = unsafe withUnsafeBytes(of: raw.peer) { unsafe Array($0.prefix(count)) }
        return SocketAddress(bytes: bytes.span)
    }

    /// The client's IP address as 128 bits, IPv4 mapped into IPv6; nil for other families.
    @inline(__always)
    package var client: (high: UInt64, low: UInt64)? {
        // SAFETY: `peer` has 28 bytes, room for every offset read here.
        unsafe withUnsafeBytes(of: raw.peer) { bytes in
            switch CInt(unsafe bytes.loadUnaligned(as: UInt16.self)) {
            case SocketAddress.ipv4Family where raw.peer_length >= 16:
                let address = unsafe bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
                return (0, 0xffff << 32 | UInt64(UInt32(bigEndian: address)))
            case SocketAddress.ipv6Family where raw.peer_length >= 28:
                let high = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                let low = unsafe bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                return (UInt64(bigEndian: high), UInt64(bigEndian: low))
            default:
                return nil
            }
        }
    }

    /// Accepts a connection and describes it in this packet, which means nothing when none was accepted.
    ///
    /// - Parameters:
    ///   - socket: The listener.
    ///   - listener: Its index.
    ///   - sequence: The connection's place in the order of accept.
    ///   - nanoseconds: CLOCK_MONOTONIC now.
    /// - Returns: The connection, or why there is none.
    @inline(__always)
    package mutating func accept(
        from socket: borrowing ListeningSocket,
        listener: Int,
        _ sequence: UInt64,
        at nanoseconds: UInt64 = MonotonicClock.nanoseconds()
    ) -> AcceptResult {
        var length: UInt32 = 0
        let result = unsafe withUnsafeMutableBytes(of: &raw.peer) { unsafe socket.accept(peer: $0, length: &length) }
        // A packet that was received into may have been a knock, or a stranger's bytes.
        raw.magic = MAITRED_PACKET_MAGIC
        raw.version = UInt16(MAITRED_WIRE_VERSION)
        raw.flags = 0
        raw.peer_length = length
        raw.listener = UInt32(truncatingIfNeeded: listener)
        raw.sequence = sequence
        raw.accepted_ns = nanoseconds
        return result
    }

    /// Lends the packet's bytes to a send.
    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe withUnsafeBytes(of: raw) { unsafe body($0) }
    }

    /// Lends the packet's bytes to a receive, which overwrites them.
    @inline(__always)
    mutating func withMutableBytes<Result: ~Copyable>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
        unsafe withUnsafeMutableBytes(of: &raw) { unsafe body($0) }
    }

    /// What is wrong with received bytes, nil when they are a packet of this wire.
    package func refusal(length: Int) -> WireError? {
        guard length == Self.size else { return .length(of: "a packet", found: length, wanted: Self.size) }
        guard raw.magic == MAITRED_PACKET_MAGIC else { return .magic(of: "a packet") }
        guard raw.version == UInt16(MAITRED_WIRE_VERSION) else {
            return .version(of: "a packet", found: Int(raw.version))
        }
        return nil
    }
}
