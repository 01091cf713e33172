// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A datagram socket that plays the service manager or the journal.
package final class DatagramReceiver {
    private let number: CInt
    /// A file's path, or an abstract name with a leading `@`.
    package let address: String

    /// Binds at an address, or at a path of its own that is removed again with the receiver.
    package init(_ address: String = temporaryPath()) throws(TestFailure) {
        self.address = address
        number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(address.utf8)
        if address.hasPrefix("@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: bytes) }
        let length = MemoryLayout<sa_family_t>.size + bytes.count
        let result = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(length)) }
        }
        guard result == 0 else { throw TestFailure("cannot receive at \(address)", errno: errno) }
    }

    deinit {
        close(number)
        if !address.hasPrefix("@") { unlink(address) }
    }

    /// A path for a socket that nobody else uses.
    package static func temporaryPath() -> String {
        "/tmp/maitred-test-\(getpid())-\(UInt32.random(in: 0...(.max))).sock"
    }

    /// The next datagram, nil when none waits.
    package func next() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        let length = recv(number, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        return length < 0 ? nil : Array(buffer.prefix(length))
    }

    /// The next datagram as text.
    package func nextText() -> String? {
        next().map { String(decoding: $0, as: UTF8.self) }
    }
}
