// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem

/// Both ends of a packet socket, for tests that keep them in properties and arrays.
final class TestPair {
    let first: PacketSocket
    private var secondEnd: PacketSocket?

    /// The other end.
    var second: PacketSocket {
        _read {
            switch secondEnd {
            case .some(let end): yield end
            case .none: preconditionFailure("the second end is closed")
            }
        }
    }

    init() throws(SystemError) {
        let pair = try PacketSocket.pair()
        first = pair.takeFirst()
        secondEnd = pair.takeSecond()
    }

    func closeSecond() {
        secondEnd = nil
    }
}

extension PacketSocket {
    /// Sends bytes, with a descriptor when one is given.
    func send(_ bytes: [UInt8], attaching number: Int32) -> SendResult {
        bytes.withUnsafeBytes { send($0, attaching: number) }
    }

    /// Receives into a buffer of some size, and lends the bytes and the descriptor that came.
    func receive(capacity: Int = 64) -> Received {
        var buffer = [UInt8](repeating: 0, count: capacity)
        return buffer.withUnsafeMutableBytes { bytes in
            switch receive(into: bytes) {
            case .packet(let length, let descriptor): .packet(Array(bytes[..<length]), descriptor?.release())
            case .damaged(let descriptorLost): .damaged(descriptorLost: descriptorLost)
            case .wouldBlock: .wouldBlock
            case .closed: .closed
            }
        }
    }
}

/// A `ReceiveResult` that can be compared: its descriptor is a bare number, which the test closes.
enum Received: Equatable {
    case packet([UInt8], Int32?)
    case damaged(descriptorLost: Bool)
    case wouldBlock
    case closed
}

/// Sends one packet with several descriptors, as no side of ours ever does.
func sendMany(_ socket: borrowing PacketSocket, _ descriptors: [Int32]) -> Int {
    // struct cmsghdr: its length, its level, its type; then the descriptors.
    var control: [UInt64] = [UInt64(16 + 4 * descriptors.count), UInt64(SOL_SOCKET) | UInt64(SCM_RIGHTS) << 32]
    for index in stride(from: 0, to: descriptors.count, by: 2) {
        let low = UInt64(UInt32(bitPattern: descriptors[index]))
        let high = index + 1 < descriptors.count ? UInt64(UInt32(bitPattern: descriptors[index + 1])) << 32 : 0
        control.append(low | high)
    }
    var byte: UInt8 = 7
    return withUnsafeMutablePointer(to: &byte) { byte in
        control.withUnsafeMutableBytes { control in
            var part = iovec(iov_base: byte, iov_len: 1)
            return withUnsafeMutablePointer(to: &part) { part in
                var message = msghdr()
                message.msg_iov = part
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = 16 + 4 * descriptors.count
                return sendmsg(socket.descriptor.number, &message, Int32(MSG_NOSIGNAL))
            }
        }
    }
}
