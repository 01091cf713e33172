// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ClientSocketTests {
    private static func listener(backlog: CInt = 16) throws -> ListeningSocket {
        try ListeningSocket.open(try .resolve(host: "127.0.0.1", port: 0), ListeningOptions(backlog: backlog))
    }

    private static func accept(_ listener: borrowing ListeningSocket) throws -> StreamSocket {
        while !listener.hasWaiting { _ = poll(nil, 0, 1) }
        switch listener.acceptStream() {
        case .accepted(let stream): return stream
        case .wouldBlock: throw TestFailure("nobody waits")
        case .connectionFailed: throw TestFailure("the connection is gone")
        case .exhausted(let errno): throw TestFailure("cannot accept", errno: errno)
        }
    }

    @Test func `bytes go both ways, and an end is told from nothing yet`() throws {
        let listener = try Self.listener()
        let client = try ClientSocket.connect(to: listener.address, within: .seconds(5))
        let server = try Self.accept(listener)
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(client.read(into: &buffer) == .wouldBlock)
        #expect(client.write([1, 2, 3, 4], from: 1) == .bytes(3))
        server.waitReadable(milliseconds: 5000)
        #expect(server.read(into: &buffer) == .bytes(3))
        #expect(buffer[..<3] == [2, 3, 4])
        #expect(server.write([9][...]) == .bytes(1))
        #expect(eventually { client.read(into: &buffer) == .bytes(1) })
        server.finishWriting()
        #expect(eventually { client.read(into: &buffer) == .ended })
    }

    @Test func `a full socket says so`() throws {
        let listener = try Self.listener()
        let client = try ClientSocket.connect(to: listener.address, within: .seconds(5))
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        #expect(
            eventually {
                while case .bytes = client.write(bytes, from: 0) {}
                return client.write(bytes, from: 0) == .wouldBlock
            }
        )
    }

    @Test func `where nobody listens it is refused, at once or a moment later`() throws {
        let address = try Self.listener().address
        let failure = #expect(throws: SystemError.self) {
            _ = try ClientSocket.connect(to: address, within: .seconds(5))
        }
        #expect(failure?.errno == ECONNREFUSED)
        switch ClientSocket.open(to: address) {
        case .failed(let failure): #expect(failure == .refused)
        case .wouldBlock: Issue.record("an IP socket has no full backlog to report")
        case .begun(let socket): #expect(eventually { socket.write([1], from: 0) == .failed(.refused) })
        }
    }

    @Test func `a close by reset is a reset for the other side`() throws {
        let listener = try Self.listener()
        let server = try Self.accept(
            listener,
            after: { try ClientSocket.connect(to: listener.address, within: .seconds(5)) }
        )
        var entry = pollfd(fd: server.descriptor.number, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 5000) == 1)
        #expect(entry.revents & Int16(POLLERR) != 0)
    }

    /// Accepts a client that is closed by reset before this returns.
    private static func accept(
        _ listener: borrowing ListeningSocket,
        after connect: () throws -> ClientSocket
    ) throws -> StreamSocket {
        let client = try connect()
        let server = try accept(listener)
        client.resetOnClose()
        return server
    }

    @Test func `a Unix listener whose backlog is full makes the client wait`() throws {
        try withTemporaryDirectory { directory in
            let address = try SocketAddress(unixPath: "\(directory)/s")
            let listener = try ListeningSocket.open(address, ListeningOptions(backlog: 0))
            let first = try ClientSocket.connect(to: address, within: .seconds(5))
            switch ClientSocket.open(to: address) {
            case .wouldBlock: break
            case .begun: Issue.record("there was room")
            case .failed(let failure): Issue.record("it failed: \(failure)")
            }
            let failure = #expect(throws: SystemError.self) {
                _ = try ClientSocket.connect(to: address, within: .milliseconds(20))
            }
            #expect(failure?.errno == EAGAIN)
            _ = try Self.accept(listener)
            _ = try ClientSocket.connect(to: address, within: .seconds(5))
            #expect(isOpenDescriptor(first.descriptor.number))
        }
    }
}
