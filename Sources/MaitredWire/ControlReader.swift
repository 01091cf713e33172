// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// What came over a control channel.
package enum ControlReceived: Equatable, Sendable {
    /// One fragment. Its body is empty for kinds that have none or are not known.
    case packet(ControlHead, body: [UInt8])
    /// A packet that is not of this wire; the channel goes on.
    case refused(WireError)
    /// Nothing waits.
    case wouldBlock
    /// The other side is gone.
    case closed
}

/// Receives control packets into a buffer of its own, one at a time.
///
/// Descriptors that come with a packet are closed: a control channel carries none.
@safe
package final class ControlReader {
    private let buffer: UnsafeMutableRawBufferPointer

    /// Allocates the buffer: room for the longest packet.
    package init() {
        unsafe buffer = .allocate(byteCount: ControlHead.packetLimit, alignment: 16)
    }

    deinit {
        // SAFETY: allocated in init, freed only here.
        unsafe buffer.deallocate()
    }

    /// The next packet.
    ///
    /// Never waits.
    package func next(from socket: borrowing PacketSocket) -> ControlReceived {
        switch unsafe socket.receive(into: buffer) {
        case .packet(let length, let attached):
            attached?.stopLingering()
            let packet = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<length])
            do {
                let head = try unsafe ControlHead(decoding: packet)
                let hasBody = ControlType(rawValue: head.type)?.hasBody ?? false
                return .packet(head, body: hasBody ? unsafe Array(packet.dropFirst(ControlHead.size)) : [])
            } catch {
                return .refused(error)
            }
        case .damaged(let descriptorLost):
            // A descriptor nobody asked for; its packet is not trusted either.
            let limit = ControlHead.packetLimit
            return .refused(descriptorLost ? .descriptorMissing : .tooLarge(what: "a control packet", limit: limit))
        case .wouldBlock: return .wouldBlock
        case .closed: return .closed
        }
    }
}
