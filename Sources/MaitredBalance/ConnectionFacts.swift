// SPDX-License-Identifier: Apache-2.0

/// What a strategy may know about the connection that is to be given away.
public struct ConnectionFacts: Sendable, Equatable {
    /// The client's address, or nil for a Unix socket and where it is unknown.
    public var client: ClientAddress?

    /// Index of the listener that accepted the connection.
    public var listener: Int

    /// Describes one accepted connection.
    @inlinable
    public init(client: ClientAddress?, listener: Int) {
        self.client = client
        self.listener = listener
    }
}

/// A client's IP address as 128 bits, without the port.
///
/// The port is left out because it changes with every connection: what keys on the address would not be sticky.
public struct ClientAddress: Sendable, Hashable {
    /// The first eight bytes of the IPv6 address, as a big-endian number.
    public var high: UInt64

    /// The last eight bytes of the IPv6 address, as a big-endian number.
    public var low: UInt64

    /// An IPv6 address from its two halves.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address in its IPv6-mapped form, `::ffff:a.b.c.d`.
    ///
    /// A client then has the same key whether it comes through an IPv4 listener or a dual-stack one.
    @inlinable
    public init(ipv4 address: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(address))
    }
}
