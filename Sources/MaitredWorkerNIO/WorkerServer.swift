// SPDX-License-Identifier: Apache-2.0

public import MaitredWorker
public import NIOCore
public import NIOPosix
import Synchronization

/// Why a server takes no more connections.
public enum DrainReason: Equatable, Sendable {
    /// The master asked for it.
    case master
    /// The master ended. Connections it left behind are still taken and served.
    case masterGone
    /// The program called `drain()`, or the task of `run()` was cancelled.
    case program
}

/// Settings of a `WorkerServer`.
public struct WorkerServerConfiguration: Sendable {
    /// Connections one event loop takes before it looks at the others' and its own work again.
    ///
    /// What a process has taken nobody else can serve: the number is how many connections may be stuck behind one
    /// handler that blocks the loop. 4 by default, which halves the cost of a connection under load compared to 1.
    public var connectionsPerTurn = 4

    /// How often each event loop says in the load page that it turns.
    public var heartbeatInterval: TimeAmount = .milliseconds(250)

    /// Called once when the server stops taking connections, on any thread; must not block.
    public var onDrain: @Sendable (DrainReason) -> Void = { _ in }

    /// Called for each message of the master, in order, on a thread of the server's own; must not block.
    public var onMessage: @Sendable ([UInt8]) -> Void = { _ in }

    /// The defaults.
    public init() {}
}

/// Serves the connections that a maitred master hands to this process, as SwiftNIO channels.
///
/// ```swift
/// let server = try WorkerServer(worker: try Worker.attach(), group: .singleton) { channel, _ in
///     channel.eventLoop.makeCompletedFuture {
///         try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
///     }
/// } handler: { channel in
///     try? await channel.executeThenClose { inbound, outbound in
///         for try await bytes in inbound { try await outbound.write(bytes) }
///     }
/// }
/// try await server.run()   // until the master asks this process to drain, or is gone
/// ```
///
/// Each connection is taken on the event loop that will serve it, and its handler runs there too. An event loop that
/// computes or blocks therefore takes nothing, and the master gives what waits to another process.
///
/// When the server drains, every channel gets `ChannelShouldQuiesceEvent`; see `HTTPDrainHandler` for HTTP/1. `run()`
/// returns when the last connection is closed.
public final class WorkerServer<Value: Sendable>: Sendable {
    private let worker: Worker
    private let configuration: WorkerServerConfiguration
    private let handler: @Sendable (Value) async -> Void
    private let gate: Gate
    private let loops: [LoopIntake<Value>]
    private let hasRun = Atomic<Bool>(false)

    /// Makes a server, which takes nothing before `run()`.
    ///
    /// - Parameters:
    ///   - worker: This process as a worker. The server receives what the master says: do not call `receive()` beside it.
    ///   - group: Its event loops take and serve connections in turn; it must not be shut down before `run()` returns.
    ///   - configuration: Everything else.
    ///   - childInitializer: Configures the channel of a connection, on its event loop, before it is registered.
    ///   - handler: Serves a connection, on the thread of its event loop. The channel is closed when it returns.
    /// - Throws: `IOError` when the process has no descriptors left.
    public init(
        worker: Worker,
        group: MultiThreadedEventLoopGroup,
        configuration: WorkerServerConfiguration = WorkerServerConfiguration(),
        childInitializer: @escaping @Sendable (any Channel, Arrival) -> EventLoopFuture<Value>,
        handler: @escaping @Sendable (Value) async -> Void
    ) throws {
        precondition(configuration.connectionsPerTurn > 0, "connectionsPerTurn must be at least 1")
        let eventLoops = Array(group.makeIterator())
        let gate = try Gate(loops: eventLoops.count, listeners: worker.listeners.count)
        self.worker = worker
        self.configuration = configuration
        self.handler = handler
        self.gate = gate
        loops = eventLoops.map { loop in
            LoopIntake(
                loop: loop,
                worker: worker,
                gate: gate,
                connectionsPerTurn: configuration.connectionsPerTurn,
                childInitializer: childInitializer
            )
        }
    }

    /// Whether the server takes no more connections.
    public var isDraining: Bool { gate.isDraining }

    /// Reports ready, takes and serves connections, and returns when the server has drained.
    ///
    /// Cancelling the task closes every connection at once.
    ///
    /// - Precondition: Called once.
    /// - Throws: `WorkerError` when the master is gone before anything was taken.
    public func run() async throws {
        let isFirst = !hasRun.exchange(true, ordering: .relaxed)
        precondition(isFirst, "a WorkerServer runs once")
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let beats = startHeartbeats()
        let served: Result<Void, any Error>
        do {
            if !isDraining { try worker.ready() }
            served = .success(await serve(watchingOn: pool))
        } catch {
            served = .failure(error)
        }
        for beat in beats { beat.cancel() }
        try await pool.shutdownGracefully()
        try served.get()
    }

    /// Stops taking connections and tells the open ones to end; `run()` returns after the last.
    ///
    /// The master learns nothing of it: until this process has exited it may still choose it, and what it hands then is
    /// given to others.
    public func drain() {
        if gate.drain() { quiesce(.program) }
    }
}

extension WorkerServer {
    private func serve(watchingOn pool: NIOThreadPool) async {
        let poller = Poller(worker: worker, gate: gate, ask: { self.ask($0, $1) }, hear: { self.hear($0) })
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                for loop in loops {
                    group.addTask(executorPreference: loop.executor) { await loop.serve(self.handler) }
                }
                // The pool runs until the poller has returned, and refuses work only after its shutdown.
                try? await pool.runIfActive { poller.run() }
                for loop in loops { loop.finish() }
            }
        } onCancel: {
            drain()
            for loop in loops { loop.closeAll() }
        }
    }

    private func startHeartbeats() -> [RepeatedTask] {
        loops.map { [worker] loop in
            loop.loop.scheduleRepeatedTask(initialDelay: .zero, delay: configuration.heartbeatInterval) { _ in
                worker.heartbeat()
            }
        }
    }

    /// Gives an event loop its turn, which runs when the loop comes to it, however long that takes.
    private func ask(_ index: Int, _ listeners: [Int]) {
        let loop = loops[index]
        loop.loop.execute {
            if self.worker.isDraining { self.hear(.drain) }
            let end = loop.takeTurn(from: listeners)
            if end.isMasterGone { self.hear(.masterGone) }
            self.gate.turnEnded(loop: index, isLimited: end.isLimited)
        }
    }

    private func hear(_ event: ControlEvent) {
        switch event {
        case .drain: if gate.drain() { quiesce(.master) }
        case .masterGone: if gate.masterLeft() { quiesce(.masterGone) }
        case .message(let message): configuration.onMessage(message)
        }
    }

    private func quiesce(_ reason: DrainReason) {
        for loop in loops { loop.quiesce() }
        configuration.onDrain(reason)
    }
}
