// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWorker
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ConnectionTests {
    @Test func `a connection says where it comes from and since when`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(listeners: 2)
            try side.adoptHere()
            let worker = try Worker.attach()
            let before = MonotonicClock.nanoseconds()
            let client = try side.client(listener: 1)
            guard case .connection(let connection) = worker.take(from: 1) else {
                Issue.record("nothing was taken")
                return
            }
            #expect(connection.listener == 1)
            #expect(connection.sequence == 1)
            #expect(connection.acceptedNanoseconds >= before)
            #expect(try connection.peerAddress == client.localAddress())
            connection.close()
        }
    }

    @Test func `a connection is non-blocking until it is asked to block`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let client = try side.client()
            guard case .connection(let connection) = worker.take(from: 0) else {
                Issue.record("nothing was taken")
                return
            }
            #expect(fcntl(connection.fileDescriptor, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(connection.fileDescriptor, F_GETFD) & FD_CLOEXEC != 0)
            connection.setBlocking()
            #expect(fcntl(connection.fileDescriptor, F_GETFL) & O_NONBLOCK == 0)
            connection.close()
            client.close()
        }
    }

    @Test func `a client that has reset is still known by its address`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let client = try TestClient(side.doors[0].address)
            let name = try client.localAddress()
            client.reset()
            try side.hand()
            guard case .connection(let connection) = worker.take(from: 0) else {
                Issue.record("nothing was taken")
                return
            }
            #expect(connection.peerAddress == name)
            connection.close()
        }
    }
}
