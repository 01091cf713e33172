// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

@testable import MaitredSystem

/// Listening sockets that several processes have, or that share an address.
struct SharedListenerTests {
    private func options() -> ListeningOptions {
        var options = ListeningOptions()
        options.isPortShared = true
        return options
    }

    @Test func `a bound socket has its port, and lets clients in once it listens`() throws {
        let socket = try ListeningSocket.bound(to: .resolve(host: "127.0.0.1", port: 0), ListeningOptions())
        let address = try #require(TestAddress("\(socket.address)"))
        let (isListening, port) = (socket.isListening, socket.address.port ?? 0)
        #expect(!isListening && port > 0)
        #expect(throws: TestFailure.self) { try TestClient(address) }
        try socket.startListening(backlog: 16)
        let listensNow = socket.isListening
        #expect(listensNow)
        _ = try TestClient(address)
        #expect(eventually { socket.hasWaiting })
    }

    @Test func `sockets that share a port get all its clients between them`() throws {
        let first = try ListeningSocket.bound(to: .resolve(host: "127.0.0.1", port: 0), options())
        let second = try ListeningSocket.bound(to: first.address, options())
        try first.startListening(backlog: 256)
        try second.startListening(backlog: 256)
        let address = try #require(TestAddress("\(first.address)"))
        let clients = try (0..<200).map { _ in try TestClient(address) }
        let counts = [try accepted(from: first), try accepted(from: second)]
        #expect(counts[0] + counts[1] == clients.count)
        #expect(counts.allSatisfy { $0 > 0 }, "\(counts)")
    }

    @Test func `one that does not listen gets nobody, and one that stopped neither`() throws {
        let reserved = try ListeningSocket.bound(to: .resolve(host: "127.0.0.1", port: 0), options())
        let address = try #require(TestAddress("\(reserved.address)"))
        let first = try ListeningSocket.bound(to: reserved.address, options())
        let second = try ListeningSocket.bound(to: reserved.address, options())
        try first.startListening(backlog: 256)
        try second.startListening(backlog: 256)
        first.stopListening()
        let clients = try (0..<50).map { _ in try TestClient(address) }
        #expect(try accepted(from: second) == clients.count)
    }

    @Test func `who stops listening does so for everybody who has the socket`() throws {
        let socket = try ListeningSocket.open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions())
        let copy = try ListeningSocket.adopt(socket.descriptor.duplicate())
        let address = try #require(TestAddress("\(socket.address)"))
        copy.stopListening()
        #expect(throws: TestFailure.self) { try TestClient(address) }
        guard case .exhausted(errno: EINVAL) = socket.accept() else {
            Issue.record("an accept says something else")
            return
        }
        #expect(throws: SystemError.self) { _ = try ListeningSocket.adopt(socket.descriptor.duplicate()) }
        _ = try ListeningSocket.adopt(bound: socket.descriptor.duplicate())
    }

    @Test func `a port that is not shared is not taken by one that would`() throws {
        let plain = try ListeningSocket.open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions())
        #expect(throws: SystemError.self) { _ = try ListeningSocket.bound(to: plain.address, options()) }
    }

    private func accepted(from socket: borrowing ListeningSocket) throws -> Int {
        var count = 0
        while case .accepted = socket.accept() { count += 1 }
        return count
    }
}

extension ListeningSocket {
    /// Accepts without asking who it is.
    fileprivate func accept() -> AcceptResult {
        var length: UInt32 = 0
        return accept(peer: UnsafeMutableRawBufferPointer(start: nil, count: 0), length: &length)
    }
}
