// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Unix stream sockets that only send: a program gets one as its standard output.
package enum OutgoingStream {
    /// Connects, says who will write, and leaves a socket that waits for its reader as a program expects.
    ///
    /// Nothing here waits: `connect(2)` would while the receiver's backlog is full.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - header: What is sent first; short enough for an empty socket.
    ///   - sendBuffer: Bytes that may wait unread; the kernel's limit for everybody (`net.core.wmem_max`) holds too.
    /// - Returns: The socket, close-on-exec.
    /// - Throws: ENOENT or ECONNREFUSED when nobody listens, EAGAIN when whoever does has stopped accepting.
    package static func open(
        to address: SocketAddress,
        header: [UInt8],
        sendBuffer: Int
    ) throws(SystemError) -> Descriptor {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let socket = Descriptor(owning: try check("create a stream socket") { Glibc.socket(AF_UNIX, type, 0) })
        let number = socket.number
        try check("connect to", "\(address)") {
            unsafe address.withPointer { unsafe maitred_linux_connect(number, $0, $1) }
        }
        try check("shut down", "descriptor \(number)") { shutdown(number, CInt(SHUT_RD)) }
        try setSocketOption(socket, SOL_SOCKET, SO_SNDBUF, CInt(clamping: sendBuffer))
        let sent = unsafe header.withUnsafeBytes { header in
            // SAFETY: pointer and count belong together, and the kernel reads during the call only.
            retrying { unsafe maitred_linux_send(number, header.baseAddress, header.count, -1) }
        }
        guard sent == header.count else {
            throw SystemError(call: "send to", object: "\(address)", errno: sent < 0 ? CInt(sent) : EAGAIN)
        }
        // The socket was made here: its only flag is the O_NONBLOCK from above.
        try check("clear O_NONBLOCK on", "descriptor \(number)") { fcntl(number, F_SETFL, 0) }
        return socket
    }
}
