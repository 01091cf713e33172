// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A listening stream socket that plays journald's for the output of programs.
package final class StreamReceiver {
    private let number: CInt
    /// Its file, removed again with the receiver.
    package let path = DatagramReceiver.temporaryPath()

    /// Listens.
    ///
    /// - Parameter backlog: Connections that may wait to be accepted, one more than said.
    package init(backlog: CInt = 16) throws(TestFailure) {
        number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path.utf8) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count + 1)
        let result = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, length) }
        }
        guard result == 0, listen(number, backlog) == 0 else {
            throw TestFailure("cannot listen at \(path)", errno: errno)
        }
    }

    deinit {
        close(number)
        unlink(path)
    }

    /// Takes the next connection and everything sent over it so far, nil when none waits.
    ///
    /// The connection is closed again.
    package func next() -> String? {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 0) == 1 else { return nil }
        let connection = accept(number, nil, nil)
        defer { close(connection) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let length = recv(connection, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        return String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
    }
}
