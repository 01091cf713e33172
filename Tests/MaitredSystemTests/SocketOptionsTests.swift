// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import Testing

struct SocketOptionsTests {
    @Test func `an option is set and read`() throws {
        let pair = try TestPair()
        try setSocketOption(pair.first.descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        #expect(socketOption(pair.first.descriptor.number, SO_KEEPALIVE) == 1)
        #expect(socketOption(pair.first.descriptor.number, SO_TYPE) == Int32(SOCK_SEQPACKET.rawValue))
    }

    @Test func `what is no socket has no options`() throws {
        let null = try Descriptor.null()
        #expect(socketOption(null.number, SO_TYPE) == nil)
        #expect(socketOption(-1, SO_TYPE) == nil)
        let error = systemError { () throws(SystemError) in try setSocketOption(null, SOL_SOCKET, SO_KEEPALIVE, 1) }
        #expect(error?.errno == ENOTSOCK)
    }

    @Test func `O_NONBLOCK is set, and other flags stay`() throws {
        let file = Descriptor(owning: open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC))
        try setNonBlocking(file)
        let flags = fcntl(file.number, F_GETFL)
        #expect(flags & O_NONBLOCK != 0 && flags & O_APPEND != 0)
    }
}
