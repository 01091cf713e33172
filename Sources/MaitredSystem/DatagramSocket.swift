// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A Unix datagram socket that sends to addresses and never waits.
///
/// It is not connected: a receiver that is restarted and binds the same address again is found again. See unix(7).
package struct DatagramSocket: ~Copyable, Sendable {
    /// The socket.
    package let descriptor: Descriptor

    /// A socket without an address of its own, close-on-exec.
    ///
    /// Wraps `socket(2)`.
    package init() throws(SystemError) {
        descriptor = try Self.open()
    }

    /// Sends one datagram without waiting.
    ///
    /// Wraps `sendto(2)` with MSG_DONTWAIT and MSG_NOSIGNAL.
    ///
    /// - Returns: `.wouldBlock` while the receiver's queue or this socket's buffer is full; `.closed` for everything
    ///   else, which for a socket without connection means only this datagram: EMSGSIZE, ECONNREFUSED, ENOENT.
    package func send(_ bytes: [UInt8], to address: SocketAddress) -> SendResult {
        // SAFETY: both pointers are used during the call only, with the lengths that belong to them.
        let sent = unsafe bytes.withUnsafeBytes { data in
            unsafe address.withPointer { target, length in
                retrying {
                    unsafe maitred_linux_send_to(descriptor.number, data.baseAddress, data.count, target, length)
                }
            }
        }
        return sent >= 0 ? .sent : SendResult(failure: CInt(-sent))
    }

    /// Throws unless somebody receives at an address and lets this process send.
    ///
    /// Wraps `connect(2)` on another socket.
    package static func probe(_ address: SocketAddress) throws(SystemError) {
        let socket = try open()
        try check("reach", "\(address)") {
            unsafe address.withPointer { unsafe maitred_linux_connect(socket.number, $0, $1) }
        }
    }

    private static func open() throws(SystemError) -> Descriptor {
        let type = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try check("create a datagram socket") { socket(AF_UNIX, type, 0) })
    }
}

extension SocketAddress {
    /// The address of an abstract Unix socket, which lives in the network namespace and has no file.
    ///
    /// - Parameter name: The name without the leading zero byte, for which configurations write `@`.
    /// - Throws: ENAMETOOLONG when the name has more than 107 bytes, EINVAL when it is empty.
    package init(abstractName name: String) throws(SystemError) {
        let room = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        guard name.utf8.count < room else {
            throw SystemError(call: "use abstract socket", object: name, errno: ENAMETOOLONG)
        }
        var bytes: [UInt8] = []
        let family = sa_family_t(AF_UNIX)
        // The kernel reads the family in the machine's own byte order.
        unsafe withUnsafeBytes(of: family) { unsafe bytes.append(contentsOf: $0) }
        bytes.append(0)
        bytes += name.utf8
        guard !name.isEmpty, let address = SocketAddress(bytes: bytes.span) else {
            throw SystemError(call: "use abstract socket", object: name, errno: EINVAL)
        }
        self = address
    }
}
