// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import MaitredSystem
internal import MaitredWire

/// An accepted connection that the master handed to this worker.
///
/// The value owns the descriptor. A server ends a connection with `close()`, which also tells the master. One that keeps
/// descriptors itself calls `release()` and, after its own close, `Worker.closed(_:)`. A value that merely goes out of
/// scope closes its descriptor but stays counted as open.
public struct Connection: ~Copyable, Sendable {
    private let descriptor: Descriptor
    private let packet: HandoffPacket
    private let worker: Worker

    init(_ descriptor: consuming Descriptor, _ packet: HandoffPacket, _ worker: Worker) {
        self.descriptor = descriptor
        self.packet = packet
        self.worker = worker
    }

    /// The connected socket: O_NONBLOCK and close-on-exec.
    ///
    /// Borrowed while this value lives.
    public var fileDescriptor: Int32 { descriptor.number }

    /// Index of the listener that accepted it.
    public var listener: Int { packet.listener }

    /// Place in the order in which the master accepted; where the worker accepts itself, the order of this process.
    public var sequence: UInt64 { packet.sequence }

    /// CLOCK_MONOTONIC, in nanoseconds, at which it was accepted.
    public var acceptedNanoseconds: UInt64 { packet.acceptedNanoseconds }

    /// The client's address as the kernel gave it at accept, right even when the client has reset since.
    ///
    /// "192.0.2.7:51234", "[2001:db8::7]:51234"; "unix:" for the client of a Unix socket without a name.
    public var peerAddress: String { packet.peer?.description ?? "unix:" }

    /// Clears O_NONBLOCK, for programs that read and write with calls that wait.
    public func setBlocking() {
        let flags = fcntl(descriptor.number, F_GETFL)
        _ = fcntl(descriptor.number, F_SETFL, flags & ~O_NONBLOCK)
    }

    /// Gives the descriptor away.
    ///
    /// The caller closes it and then calls `Worker.closed(_:)`.
    public consuming func release() -> Int32 {
        descriptor.release()
    }

    /// Closes the connection and tells the master.
    public consuming func close() {
        let worker = self.worker
        _ = Glibc.close(descriptor.release())
        worker.closed(1)
    }
}
