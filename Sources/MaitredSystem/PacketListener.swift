// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Listens for packet connections of other processes, under an abstract name that nobody else has.
///
/// See unix(7), "autobind": there is no file, so none is left behind, and none can be hidden by a mount namespace. Only
/// processes of the same network namespace find it.
package struct PacketListener: ~Copyable, Sendable {
    /// The socket.
    package let descriptor: Descriptor

    /// What to connect to: "@" and the name.
    package let name: String

    /// Listens.
    ///
    /// - Parameter backlog: Connections that may wait; more wait in their `connect(2)`.
    /// - Throws: EMFILE and the like.
    package init(backlog: CInt) throws(SystemError) {
        var bytes = [CChar](repeating: 0, count: 128)
        let number = try check("listen for", "workers") {
            // SAFETY: the name is cut at the buffer's size.
            unsafe bytes.withUnsafeMutableBufferPointer {
                unsafe maitred_linux_listen_unnamed(backlog, $0.baseAddress, $0.count)
            }
        }
        descriptor = Descriptor(owning: number)
        descriptor.refuseDescriptors()
        name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The next connection, nil when nobody waits, or there is no descriptor for it.
    ///
    /// Never waits.
    package func accept() -> PacketSocket? {
        let number = retrying { maitred_linux_accept(descriptor.number, nil, nil) }
        return number < 0 ? nil : PacketSocket(owning: Descriptor(owning: number))
    }
}

extension PacketSocket {
    /// Sends one packet with descriptors, 1 to 64 of them.
    ///
    /// Never waits.
    package func send(_ packet: [UInt8], attaching numbers: [CInt]) -> SendResult {
        let sent = retrying {
            // SAFETY: pointers and counts belong together, and the kernel reads during the call only.
            unsafe packet.withUnsafeBytes { bytes in
                unsafe numbers.withUnsafeBufferPointer { numbers in
                    unsafe maitred_linux_send_descriptors(
                        descriptor.number,
                        bytes.baseAddress,
                        bytes.count,
                        numbers.baseAddress,
                        numbers.count
                    )
                }
            }
        }
        return sent >= 0 ? .sent : SendResult(failure: CInt(-sent))
    }
}
