// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import MaitredSystem

// A channel carries connections of one listener to one worker, and nothing else.
//
//      master end ──── hand, knock ────> [ packet | packet | packet ] ────> worker end
//      (reading side shut down)                  │                          ├ the worker's descriptor
//                                                └ take back <───────────── └ the master's own copy of it
//
// 1. The master holds both ends for as long as the channel exists: a packet in it survives the worker.
// 2. Every packet is received exactly once, by the worker or by the master; the kernel decides who was first.
// 3. The kernel's queue is the truth about what waits (`waiting`); every counter is a cache of it.
// 4. Nothing a worker sends into it arrives: the master's end is shut down for receiving.

/// What the master got when it took a packet back.
package enum TakenBack: ~Copyable {
    /// A connection that the worker had not taken; its packet was received into the caller's.
    case connection(Descriptor)
    /// A knock that the worker had not taken.
    case knock
    /// Nothing that can be used: bytes of a stranger or a lost descriptor.
    case refused(WireError)
    /// Nothing waits.
    case empty
}

/// The master's side of a channel: both ends.
package final class HandoffChannel {
    /// Bytes of kernel bookkeeping a packet with one descriptor takes (sk_buff truesize, rounded up).
    private static let bytesPerPacket = 1024

    /// Where connections are handed in.
    package let masterEnd: PacketSocket

    /// The worker's end, of which the worker has a copy.
    package let workerEnd: PacketSocket

    /// Opens a channel.
    ///
    /// The send buffer is sized so that a full queue uses less than a quarter of it: only then does the kernel
    /// report every packet that is taken (EPOLLOUT, edge-triggered).
    package init(queueDepth: Int) throws(SystemError) {
        let pair = try PacketSocket.pair()
        masterEnd = pair.takeFirst()
        workerEnd = pair.takeSecond()
        // setsockopt(2) doubles the value, which leaves half in reserve; one more packet is the knock's.
        try masterEnd.setSendBuffer(bytes: 4 * (queueDepth + 1) * Self.bytesPerPacket)
        try masterEnd.closeForReceiving()
    }

    /// Gives a connection.
    ///
    /// The caller still owns its descriptor and closes it once the packet is sent.
    @inline(__always)
    package func hand(_ packet: borrowing HandoffPacket, _ connection: borrowing Descriptor) -> SendResult {
        let number = connection.number
        return unsafe packet.withBytes { unsafe masterEnd.send($0, attaching: number) }
    }

    /// Leaves a knock.
    package func knock() -> SendResult {
        unsafe HandoffPacket.knock.withBytes { unsafe masterEnd.send($0) }
    }

    /// Takes back the oldest packet that the worker has not taken.
    package func takeBack(into packet: inout HandoffPacket) -> TakenBack {
        switch unsafe packet.withMutableBytes({ unsafe workerEnd.receive(into: $0) }) {
        case .packet(let length, let descriptor):
            if let refusal = packet.refusal(length: length) { return .refused(refusal) }
            if packet.isKnock { return .knock }
            guard let descriptor else { return .refused(.descriptorMissing) }
            return .connection(descriptor)
        case .damaged: return .refused(.descriptorMissing)
        case .wouldBlock: return .empty
        case .closed: return .empty
        }
    }

    /// Why the oldest packet must not be taken back now, nil when it may.
    ///
    /// At the limit on descriptors (EMFILE) its connection would be lost, so it stays where it is.
    package func takeBackObstacle() -> CInt? {
        var packet = HandoffPacket()
        let isPossible = unsafe packet.withMutableBytes { unsafe workerEnd.canReceiveDescriptor(scratch: $0) }
        return isPossible ? nil : EMFILE
    }

    /// The order of accept of the oldest packet, nil when none waits; knocks come first.
    ///
    /// A hint: it may be taken any moment.
    package func oldestSequence() -> UInt64? {
        var packet = HandoffPacket()
        let length = unsafe packet.withMutableBytes { unsafe workerEnd.peek(into: $0) }
        guard let length, packet.refusal(length: length) == nil else { return nil }
        return packet.sequence
    }

    /// Whether the oldest packet is a knock.
    ///
    /// A knock is only left in an empty channel, so as long as it is there it is the oldest.
    package var isKnockOldest: Bool {
        var packet = HandoffPacket()
        let length = unsafe packet.withMutableBytes { unsafe workerEnd.peek(into: $0) }
        guard let length, packet.refusal(length: length) == nil else { return false }
        return packet.isKnock
    }

    /// Packets that wait, knocks included.
    package var waiting: Int { workerEnd.waitingBytes() / HandoffPacket.size }
}

/// What a worker got when it took from its end.
package enum Taken: ~Copyable {
    /// A connection and what is known of it.
    case connection(Descriptor, HandoffPacket)
    /// A knock: to be treated as a spurious wakeup.
    case knock
    /// Nothing waits.
    case empty
    /// The process is at its descriptor limit; the connection still waits in the channel.
    case descriptorLimit
    /// Something that is not of this wire.
    case refused(WireError)
    /// The master is gone and everything it handed was taken.
    case closed
}

/// The worker's side of a channel.
///
/// It behaves like a listening socket: readable means that a connection waits.
package final class WorkerChannel: Sendable {
    /// The worker's end; any number of threads and processes may take from it.
    package let end: PacketSocket

    /// The highest descriptor number this process can get, as the limit was when it attached.
    ///
    /// Numbers are given out lowest first: while this one is not open, another descriptor can be received.
    private let lastNumber: CInt

    /// Takes over the worker's end.
    package init(owning descriptor: consuming Descriptor) throws(SystemError) {
        let limit = try DescriptorLimit.current().soft
        lastNumber = CInt(clamping: limit) - 1
        end = PacketSocket(owning: descriptor)
    }

    /// Takes the next connection.
    ///
    /// Never waits.
    ///
    /// A receive at the descriptor limit loses the connection, so this looks first; other threads that open descriptors
    /// at the same moment can still use up the last ones.
    package func take() -> Taken {
        var packet = HandoffPacket()
        if isOpenDescriptor(lastNumber) {
            let isPossible = unsafe packet.withMutableBytes { unsafe end.canReceiveDescriptor(scratch: $0) }
            if !isPossible { return .descriptorLimit }
        }
        switch unsafe packet.withMutableBytes({ unsafe end.receive(into: $0) }) {
        case .packet(let length, let descriptor):
            if let refusal = packet.refusal(length: length) { return .refused(refusal) }
            if packet.isKnock { return .knock }
            guard let descriptor else { return .refused(.descriptorMissing) }
            return .connection(descriptor, packet)
        case .damaged: return .refused(.descriptorMissing)
        case .wouldBlock: return .empty
        case .closed: return .closed
        }
    }
}
