// SPDX-License-Identifier: Apache-2.0

import MaitredWorker

/// What the master knows of a connection it handed over.
public struct Arrival: Equatable, Sendable {
    /// Index of the listener that accepted it, into `Worker.listeners`.
    public let listener: Int

    /// Place in the order in which the master accepted; where the worker accepts itself, the order of this process.
    public let sequence: UInt64

    /// CLOCK_MONOTONIC, in nanoseconds, at which it was accepted.
    public let acceptedNanoseconds: UInt64

    /// The client's address at accept ("192.0.2.7:51234"); right even when the channel's `remoteAddress` is nil.
    public let peerAddress: String

    init(_ connection: borrowing Connection) {
        listener = connection.listener
        sequence = connection.sequence
        acceptedNanoseconds = connection.acceptedNanoseconds
        peerAddress = connection.peerAddress
    }
}
