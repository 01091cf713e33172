// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import MaitredWorker
import Testing

/// A worker that accepts from the listeners itself, because the kernel chooses among workers.
@Suite(.timeLimit(.minutes(5)))
struct DirectTests {
    @Test func `connections are accepted, counted and closed`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(listeners: 2, isDirect: true)
            try side.adoptHere()
            let worker = try Worker.attach()
            try worker.ready()
            #expect(worker.wait(milliseconds: 0).isNothing)
            #expect(taken(from: worker, 0) == nil)

            let client = try TestClient(side.doors[1].address)
            #expect(worker.wait(milliseconds: 5000).listeners == [1])
            guard case .connection(let connection) = worker.take(from: 1) else {
                Issue.record("nothing was taken")
                return
            }
            #expect(connection.listener == 1 && connection.sequence == 0)
            #expect(connection.peerAddress == (try client.localAddress()))
            #expect(connection.acceptedNanoseconds > 0)
            let flags = fcntl(connection.fileDescriptor, F_GETFL)
            #expect(flags & O_NONBLOCK != 0 && fcntl(connection.fileDescriptor, F_GETFD) == FD_CLOEXEC)
            var reading = side.page.read()
            #expect(reading.holds == 1 && reading.taken == 1 && worker.openConnections == 1)
            connection.close()
            reading = side.page.read()
            #expect(reading.holds == 0 && reading.taken == 1)
            #expect(side.page.latency().count == 0, "accept and take are one moment")
            #expect(try client.readToEnd() == "")
        }
    }

    @Test func `what another worker took is nothing`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(isDirect: true)
            try side.adoptHere()
            let worker = try Worker.attach()
            let client = try TestClient(side.doors[0].address)
            #expect(worker.wait(milliseconds: 5000).listeners == [0])
            var packet = HandoffPacket()
            _ = try side.doors[0].accept(into: &packet, listener: 0, sequence: 0)
            #expect(taken(from: worker, 0) == nil)
            client.close()
        }
    }

    @Test func `a listener of its own lets clients in from ready on`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(isDirect: true, isListening: false)
            try side.adoptHere()
            let worker = try Worker.attach()
            #expect(throws: TestFailure.self) { try TestClient(side.doors[0].address) }
            #expect(worker.wait(milliseconds: 0).isNothing, "a socket that does not listen wakes nobody")
            #expect(taken(from: worker, 0) == nil)
            try worker.ready()
            let client = try TestClient(side.doors[0].address)
            #expect(worker.wait(milliseconds: 5000).listeners == [0])
            #expect(taken(from: worker, 0) == 0)
            client.close()
        }
    }

    @Test func `during a drain nothing is accepted, and who waits does not wake the worker`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(isDirect: true)
            try side.adoptHere()
            let worker = try Worker.attach()
            try worker.ready()
            let client = try TestClient(side.doors[0].address)
            #expect(worker.wait(milliseconds: 5000).listeners == [0])
            side.drain()
            #expect(taken(from: worker, 0) == nil)
            let readiness = worker.wait(milliseconds: 5000)
            #expect(readiness.listeners.isEmpty && readiness.control)
            #expect(try worker.receive() == .drain)
            #expect(worker.wait(milliseconds: 0).isNothing)
            // Another worker's.
            var packet = HandoffPacket()
            _ = try side.doors[0].accept(into: &packet, listener: 0, sequence: 0)
            client.close()
        }
    }

    @Test func `a listener that was closed is nothing during a drain, and the end without one`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(isDirect: true)
            try side.adoptHere()
            let worker = try Worker.attach()
            side.doors[0].close()
            guard case .masterGone = worker.take(from: 0) else {
                Issue.record("the end was not seen")
                return
            }
            side.page.setDrain()
            #expect(taken(from: worker, 0) == nil)
        }
    }

    @Test func `at its descriptor limit a worker leaves the connection in the backlog`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(isDirect: true)
            try side.adoptHere()
            let worker = try Worker.attach()
            let client = try TestClient(side.doors[0].address)
            try withDescriptorsExhausted {
                guard case .descriptorLimit = worker.take(from: 0) else {
                    Issue.record("the limit was not seen")
                    return
                }
            }
            #expect(taken(from: worker, 0) == 0)
            client.close()
        }
    }

    @Test func `the test worker serves from a listener, and finishes when it is asked to drain`() throws {
        let side = try Side(isDirect: true)
        let program = try side.start()
        try side.waitForReady()
        for _ in 0..<20 { #expect(try TestClient.get(from: side.doors[0].address).status == 200) }
        let held = try TestClient(side.doors[0].address)
        #expect(try held.get("/hold", keepAlive: true).status == 200)
        side.drain()
        #expect(eventually { side.page.read().holds == 1 })
        held.close()
        #expect(try program.waitExit() == .exited(code: 0))
    }

    @Test func `when the master ends the test worker finishes and ends`() throws {
        let side = try Side(isDirect: true)
        let program = try side.start()
        try side.waitForReady()
        #expect(try TestClient.get(from: side.doors[0].address).status == 200)
        side.leave()
        #expect(try program.waitExit() == .exited(code: 0))
    }
}

extension WorkerReadiness {
    /// Whether the time passed.
    fileprivate var isNothing: Bool { listeners.isEmpty && !control }
}

/// The sequence of the connection that can be taken, which is closed at once; nil when there is none.
private func taken(from worker: Worker, _ listener: Int) -> UInt64? {
    guard case .connection(let connection) = worker.take(from: listener) else { return nil }
    let sequence = connection.sequence
    connection.close()
    return sequence
}
