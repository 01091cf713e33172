// SPDX-License-Identifier: Apache-2.0

import MaitredWorker
import NIOCore
import NIOPosix

/// One event loop's part of a `WorkerServer`: takes connections on its own thread and owns their channels.
final class LoopIntake<Value: Sendable>: Sendable {
    /// A connection that is ready to be served.
    private struct Arrived: Sendable {
        let value: Value
        let channel: any Channel
    }

    private let worker: Worker
    private let gate: Gate
    private let connectionsPerTurn: Int
    private let childInitializer: @Sendable (any Channel, Arrival) -> EventLoopFuture<Value>

    /// The loop on whose thread everything here runs.
    let loop: any EventLoop

    /// Runs handlers on that thread.
    let executor: LoopExecutor

    /// Open channels, to be told of the drain; touched on the loop only.
    private let channels: NIOLoopBoundBox<[ObjectIdentifier: any Channel]>

    private let arrivals: AsyncStream<Arrived>
    private let arrivalsEntry: AsyncStream<Arrived>.Continuation

    init(
        loop: any EventLoop,
        worker: Worker,
        gate: Gate,
        connectionsPerTurn: Int,
        childInitializer: @escaping @Sendable (any Channel, Arrival) -> EventLoopFuture<Value>
    ) {
        self.loop = loop
        self.worker = worker
        self.gate = gate
        self.connectionsPerTurn = connectionsPerTurn
        self.childInitializer = childInitializer
        executor = LoopExecutor(loop)
        channels = .makeBoxSendingValue([:], eventLoop: loop)
        (arrivals, arrivalsEntry) = AsyncStream.makeStream()
    }

    // MARK: - Taking

    /// Takes a few connections, one from each listener in turn; to be called on the loop.
    func takeTurn(from listeners: [Int]) -> TurnEnd {
        var listeners = listeners[...]
        var end = TurnEnd()
        var left = connectionsPerTurn
        while left > 0, !end.isLimited, gate.mayTakeNext(isDrainAsked: worker.isDraining),
            let listener = listeners.popFirst()
        {
            switch worker.take(from: listener) {
            case .connection(let connection):
                left -= 1
                gate.took()
                enter(connection)
                listeners.append(listener)
            case .empty:
                gate.foundEmpty(listener: listener)
            case .descriptorLimit:
                end.isLimited = true
            case .masterGone:
                end.isMasterGone = true
                gate.exhausted(listener: listener)
            }
        }
        return end
    }

    /// Makes a channel of a connection; NIO closes the socket when that fails.
    private func enter(_ connection: consuming Connection) {
        let arrival = Arrival(connection)
        let initializer = childInitializer
        let value = NIOLoopBoundBox<Value?>(nil, eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                initializer(channel, arrival).hop(to: channel.eventLoop).map { value.value = $0 }
            }
            .withConnectedSocket(connection.release())
            .whenComplete { result in
                if case .success(let channel) = result, let value = value.value {
                    self.entered(Arrived(value: value, channel: channel))
                } else {
                    self.left()
                }
            }
    }

    private func entered(_ arrived: Arrived) {
        let channel = arrived.channel
        let identity = ObjectIdentifier(channel)
        channels.value[identity] = channel
        channel.closeFuture.whenComplete { _ in
            self.channels.value[identity] = nil
            self.left()
        }
        if gate.isDraining { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        if case .terminated = arrivalsEntry.yield(arrived) { channel.close(promise: nil) }
    }

    /// A connection's socket is closed.
    private func left() {
        worker.closed()
        gate.closed()
    }

    // MARK: - Serving

    /// Runs the handler of each connection until `finish()`, each in a task of its own on this loop's thread.
    func serve(_ handler: @escaping @Sendable (Value) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await arrived in arrivals {
                group.addTask {
                    await handler(arrived.value)
                    arrived.channel.close(promise: nil)
                }
            }
        }
    }

    /// Tells every open channel that it shall end.
    func quiesce() {
        loop.execute {
            for channel in self.channels.value.values {
                channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
        }
    }

    /// Closes every open channel at once.
    func closeAll() {
        loop.execute {
            for channel in self.channels.value.values { channel.close(promise: nil) }
        }
    }

    /// No connection will come any more.
    func finish() {
        arrivalsEntry.finish()
    }
}

/// Why a turn ended, apart from having taken enough.
struct TurnEnd {
    /// The process has no descriptor left.
    var isLimited = false
    /// A channel's other end is closed.
    var isMasterGone = false
}
