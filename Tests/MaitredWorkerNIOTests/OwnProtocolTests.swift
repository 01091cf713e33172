// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import MaitredWire
import MaitredWorker
import MaitredWorkerNIO
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A server that is not HTTP: the example of the documentation, in this process.
@Suite(.timeLimit(.minutes(1)))
struct OwnProtocolTests {
    private typealias Echo = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// What a server told its program.
    private final class Heard: Sendable {
        let arrivals = Mutex<[Arrival]>([])
        let messages = Mutex<[[UInt8]]>([])
        let drains = Mutex<[DrainReason]>([])
    }

    private static func echoServer(_ worker: Worker, _ heard: Heard) throws -> WorkerServer<Echo> {
        var configuration = WorkerServerConfiguration()
        configuration.onMessage = { message in heard.messages.withLock { $0.append(message) } }
        configuration.onDrain = { reason in heard.drains.withLock { $0.append(reason) } }
        return try WorkerServer(worker: worker, group: .singleton, configuration: configuration) { channel, arrival in
            heard.arrivals.withLock { $0.append(arrival) }
            return channel.eventLoop.makeCompletedFuture {
                // The third connection is refused.
                if arrival.sequence == 3 { throw CancellationError() }
                try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                return try Echo(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true)
                )
            }
        } handler: { channel in
            try? await channel.executeThenClose { inbound, outbound in
                for try await bytes in inbound { try await outbound.write(bytes) }
            }
        }
    }

    @Test func `connections, messages and cancellation reach the program`() async {
        await #expect(processExitsWith: .success) {
            let (master, worker) = try ScriptedMaster.withWorkerHere()
            let heard = Heard()
            let server = try OwnProtocolTests.echoServer(worker, heard)
            let running = Task { try await server.run() }

            let client = try master.connect()
            try client.send("hello")
            client.finishSending()
            #expect(try client.readToEnd() == "hello")
            let arrival = heard.arrivals.withLock { $0[0] }
            #expect(arrival.peerAddress == (try client.localAddress()))
            #expect(arrival.listener == 0)
            #expect(eventually { worker.openConnections == 0 })

            master.say(ControlHead(.message).encoded(body: [1, 2, 3]))
            #expect(eventually { heard.messages.withLock { $0 } == [[1, 2, 3]] })

            let open = try master.connect()
            #expect(eventually { worker.openConnections == 1 })
            #expect(try master.connect().readToEnd() == "")
            #expect(eventually { master.taken == 3 && worker.openConnections == 1 })

            #expect(!server.isDraining)
            running.cancel()
            #expect(try open.readToEnd() == "")
            try await running.value
            #expect(worker.openConnections == 0)
            #expect(heard.drains.withLock { $0 } == [.program])
        }
    }

    @Test func `a program that drains is left by its last connection`() async {
        await #expect(processExitsWith: .success) {
            let (master, worker) = try ScriptedMaster.withWorkerHere()
            let heard = Heard()
            let server = try OwnProtocolTests.echoServer(worker, heard)
            let running = Task { try await server.run() }
            let client = try master.connect()
            #expect(eventually { worker.openConnections == 1 })
            server.drain()
            server.drain()
            try client.send("late")
            client.finishSending()
            #expect(try client.readToEnd() == "late")
            try await running.value
            #expect(heard.drains.withLock { $0 } == [.program])
        }
    }

    @Test func `a server that drained before it ran takes nothing`() async {
        await #expect(processExitsWith: .success) {
            let (_, worker) = try ScriptedMaster.withWorkerHere()
            let server = try OwnProtocolTests.echoServer(worker, Heard())
            server.drain()
            try await server.run()
        }
    }
}
