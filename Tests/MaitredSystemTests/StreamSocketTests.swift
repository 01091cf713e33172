// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct StreamSocketTests {
    @Test func `bytes go both ways, and nothing waits`() throws {
        try withStreams { client, server in
            var buffer = [UInt8](repeating: 0, count: 4)
            #expect(server.read(into: &buffer) == .wouldBlock)
            #expect(client.write([1, 2, 3, 4, 5, 6]) == .bytes(6))
            server.waitReadable(milliseconds: -1)
            #expect(server.read(into: &buffer) == .bytes(4))
            #expect(buffer == [1, 2, 3, 4])
            #expect(server.read(into: &buffer) == .bytes(2))
            #expect(buffer.prefix(2) == [5, 6])
            #expect(server.write([7]) == .bytes(1))
            client.waitReadable(milliseconds: -1)
            #expect(client.read(into: &buffer) == .bytes(1))
            #expect(isCloseOnExec(client.descriptor.number) && isCloseOnExec(server.descriptor.number))
        }
    }

    @Test func `a full socket takes a part, then nothing, then again something`() throws {
        try withStreams { client, server in
            let much = [UInt8](repeating: 7, count: 4 << 20)[...]
            guard case .bytes(let first) = client.write(much) else { throw TestFailure("nothing was taken") }
            #expect(first < much.count)
            while case .bytes = client.write(much) {}
            #expect(client.write([1]) == .wouldBlock)
            client.waitWritable(milliseconds: 0)
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while case .bytes = server.read(into: &buffer) {}
            client.waitWritable(milliseconds: -1)
            #expect(client.write([1]) == .bytes(1))
        }
    }

    @Test func `an end is read after what came before it, and answered all the same`() throws {
        try withStreams { client, server in
            var buffer = [UInt8](repeating: 0, count: 4)
            #expect(client.write([1]) == .bytes(1))
            client.finishWriting()
            #expect(server.read(into: &buffer) == .bytes(1))
            #expect(server.read(into: &buffer) == .ended)
            #expect(server.write([2]) == .bytes(1))
            #expect(client.read(into: &buffer) == .bytes(1))
        }
    }

    @Test func `a peer that is gone is a value, with what it had sent before`() throws {
        try withTemporaryDirectory { directory in
            let listener = try open("\(directory)/s")
            let server: StreamSocket
            do {
                let client = try StreamSocket.connect(to: "\(directory)/s", within: .seconds(5))
                server = try accepted(from: listener)
                #expect(client.write([1]) == .bytes(1))
                #expect(server.write([9]) == .bytes(1))
            }
            var buffer = [UInt8](repeating: 0, count: 4)
            #expect(server.write([2]) == .closed)
            #expect(server.read(into: &buffer) == .bytes(1))
            #expect(server.read(into: &buffer) == .ended)
            #expect(server.read(into: &buffer) == .ended)
        }
    }

    @Test func `a listener that nobody serves ends a connect with time`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let listener = try open(path, backlog: 0)
            let first = try StreamSocket.connect(to: path, within: .seconds(5))
            let error = systemError { () throws(SystemError) in
                _ = try StreamSocket.connect(to: path, within: .milliseconds(20))
            }
            #expect(error?.errno == EAGAIN)
            let server = try accepted(from: listener)
            #expect(first.write([1]) == .bytes(1))
            _ = server.descriptor.number
        }
    }

    @Test func `nobody waiting is a value`() throws {
        try withTemporaryDirectory { directory in
            let listener = try open("\(directory)/s")
            guard case .wouldBlock = listener.acceptStream() else { throw TestFailure("somebody came") }
        }
    }

    @Test func `descriptors that a peer attaches reach nobody`() async {
        await #expect(processExitsWith: .success) {
            try withTemporaryDirectory { directory in
                let listener = try open("\(directory)/s")
                listener.refuseDescriptors()
                let client = PacketSocket(owning: try connected("\(directory)/s"))
                let server = try accepted(from: listener)
                let sent = try Descriptor.null()
                let before = openDescriptorCount()
                // Refused (EPERM) by kernels that can, closed on receipt by others.
                let isSent = client.send([1], attaching: sent.number) == .sent
                var buffer = [UInt8](repeating: 0, count: 4)
                #expect(server.read(into: &buffer) == (isSent ? .bytes(1) : .wouldBlock))
                #expect(openDescriptorCount() == before)
            }
        }
    }

    // MARK: - The file

    @Test(.enabled(if: geteuid() == 0))
    func `a socket belongs to the group asked for, with its mode`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                let path = "\(directory)/s"
                let options = ListeningOptions(mode: 0o660, group: 12_345)
                let listener = try ListeningSocket.open(SocketAddress(unixPath: path), options)
                let access = try #require(FileAccess(path: path))
                #expect(access.group == 12_345 && access.user == 0 && access.isGroupWritable)
                #expect(fileMode(path) == 0o660)
                listener.removeFile()
                #expect(FileAccess(path: path) == nil)
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0))
    func `a group that may not be given leaves no file behind`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                chmod(directory, 0o777)
                setgroups(0, nil)
                setgid(65_534)
                setuid(65_534)
                let error = systemError { () throws(SystemError) in
                    let options = ListeningOptions(mode: 0o660, group: 0)
                    _ = try ListeningSocket.open(SocketAddress(unixPath: "\(directory)/s"), options)
                }
                #expect(error?.errno == EPERM)
                #expect(fileMode("\(directory)/s") == nil)
            }
        }
    }

    @Test func `a file that took the place of ours is not removed`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let first = try open(path)
            #expect(unlink(path) == 0)
            let second = try open(path)
            first.removeFile()
            #expect(fileMode(path) != nil)
            second.removeFile()
            #expect(fileMode(path) == nil)
        }
    }
}

private func open(_ path: String, backlog: Int32 = 16) throws -> ListeningSocket {
    try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions(backlog: backlog))
}

private func connected(_ path: String) throws -> Descriptor {
    try Descriptor(owning: StreamSocket.connect(to: path, within: .seconds(5)).descriptor.duplicate().release())
}

private func accepted(from listener: borrowing ListeningSocket) throws -> StreamSocket {
    guard case .accepted(let socket) = listener.acceptStream() else { throw TestFailure("nobody came") }
    return socket
}

private func withStreams(_ body: (borrowing StreamSocket, borrowing StreamSocket) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        let listener = try open("\(directory)/s")
        let client = try StreamSocket.connect(to: "\(directory)/s", within: .seconds(5))
        let server = try accepted(from: listener)
        try body(client, server)
    }
}
