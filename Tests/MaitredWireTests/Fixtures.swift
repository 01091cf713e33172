// SPDX-License-Identifier: Apache-2.0

import CMaitredWire
import Glibc
import MaitredSystem
import MaitredTesting

@testable import MaitredWire

/// A listener on a port of the kernel's choice, whose connections are accepted into packets.
struct Door: ~Copyable {
    let socket: ListeningSocket
    private var sequence: UInt64 = 0

    init(_ host: String = "127.0.0.1") throws(SystemError) {
        socket = try ListeningSocket.open(.resolve(host: host, port: 0), ListeningOptions())
    }

    /// Where clients come in.
    var address: TestAddress { TestAddress(socket.address.description)! }

    /// Accepts the next connection, waited for, as number 1, 2, 3 …
    mutating func accept(into packet: inout HandoffPacket, listener: Int = 0) throws -> Descriptor {
        var entry = pollfd(fd: socket.descriptor.number, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 10_000) == 1 else { throw TestFailure("nobody came") }
        sequence += 1
        switch packet.accept(from: socket, listener: listener, sequence) {
        case .accepted(let connection): return connection
        case .wouldBlock: throw TestFailure("nobody came")
        case .connectionFailed: throw TestFailure("the connection is gone")
        case .exhausted(let errno): throw TestFailure("cannot accept", errno: errno)
        }
    }
}

/// Hands a stand-in for a connection, numbered.
func hand(_ channel: HandoffChannel, sequence: UInt64 = 0) throws -> SendResult {
    var raw = maitred_packet()
    raw.magic = MAITRED_PACKET_MAGIC
    raw.version = UInt16(MAITRED_WIRE_VERSION)
    raw.sequence = sequence
    let connection = try Descriptor.null()
    return channel.hand(packet(raw), connection)
}

/// A packet of bytes that need not make sense.
func packet(_ raw: maitred_packet) -> HandoffPacket {
    var packet = HandoffPacket()
    packet.withMutableBytes { target in
        withUnsafeBytes(of: raw) { target.copyMemory(from: $0) }
    }
    return packet
}

/// The worker's side of a channel, as a worker gets it: a copy of the end.
func workerSide(of channel: HandoffChannel) throws -> WorkerChannel {
    try WorkerChannel(owning: channel.workerEnd.descriptor.duplicate())
}

/// A `Taken` or `TakenBack` that can be compared. A descriptor that came is closed.
enum Outcome: Equatable {
    case connection(UInt64)
    case knock
    case empty
    case descriptorLimit
    case refused(WireError)
    case closed
}

/// Takes as a worker.
func take(_ channel: WorkerChannel) -> Outcome {
    switch channel.take() {
    case .connection(_, let packet): .connection(packet.sequence)
    case .knock: .knock
    case .empty: .empty
    case .descriptorLimit: .descriptorLimit
    case .refused(let error): .refused(error)
    case .closed: .closed
    }
}

/// Takes back as the master.
func takeBack(_ channel: HandoffChannel) -> Outcome {
    var packet = HandoffPacket()
    return switch channel.takeBack(into: &packet) {
    case .connection: .connection(packet.sequence)
    case .knock: .knock
    case .refused(let error): .refused(error)
    case .empty: .empty
    }
}

/// The error a body throws, nil when it throws none.
func wireError(_ body: () throws(WireError) -> Void) -> WireError? {
    do throws(WireError) {
        try body()
        return nil
    } catch {
        return error
    }
}
