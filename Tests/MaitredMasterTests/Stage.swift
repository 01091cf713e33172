// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredBalance
import MaitredSupervise
import MaitredSystem
import MaitredTesting

@testable import MaitredMaster

/// A roster, a handoff and real listeners on loopback, turned by the test.
final class Stage {
    let roster: Roster
    let handoff: Handoff
    let listeners: [Listener]
    var now = Instant(nanoseconds: 1_000_000_000)
    private var nextID = 1

    init(
        listeners count: Int = 1,
        queueDepth: Int = 16,
        maxConnections: Int? = nil,
        strategy: StrategyName = .roundRobin
    ) throws {
        roster = Roster(
            strategy: strategy.makeStrategy(seed: 1),
            queueDepth: queueDepth,
            maxConnections: maxConnections
        )
        listeners = try (0..<count).map { index in
            let address = try SocketAddress.resolve(host: "127.0.0.1", port: 0)
            return Listener(index: index, socket: try ListeningSocket.open(address, ListeningOptions()), name: nil)
        }
        handoff = Handoff(roster: roster, listeners: listeners)
    }

    /// Adds a worker.
    func join(isReady: Bool = true, queueDepth: Int = 16) throws -> PlayedWorker {
        let worker = try PlayedWorker(id: nextID, listeners: listeners.count, queueDepth: queueDepth)
        nextID += 1
        roster.join(worker.link)
        if isReady { setReady(worker) }
        return worker
    }

    /// Takes a worker into the rotation.
    func setReady(_ worker: PlayedWorker) {
        roster.setReady(at: index(of: worker))
    }

    /// Where a worker stands.
    func index(of worker: PlayedWorker) -> Int {
        guard let index = roster.index(of: worker.link.id) else { preconditionFailure("the worker has left") }
        return index
    }

    /// What the balancer knows of a worker.
    func load(of worker: PlayedWorker) -> WorkerLoad {
        roster.balancer.table.workers[index(of: worker)]
    }

    /// A worker's process is gone.
    func bury(_ worker: PlayedWorker) {
        roster.leave(id: worker.link.id)
        handoff.depart(worker.link)
    }

    /// Connects, and returns once the connection waits in the listener's backlog.
    func connect(to listener: Int = 0) throws -> TestClient {
        let before = backlog(of: listener)
        guard let address = TestAddress(listeners[listener].socket.address.description) else {
            throw TestFailure("the listener has no address")
        }
        let client = try TestClient(address)
        guard eventually({ backlog(of: listener) == before + 1 }) else {
            throw TestFailure("the connection does not appear in the backlog")
        }
        return client
    }

    /// Connections that wait to be accepted: for a listening socket the kernel reports them as `tcpi_unacked`.
    func backlog(of listener: Int = 0) -> Int {
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        getsockopt(listeners[listener].socket.descriptor.number, Int32(IPPROTO_TCP), TCP_INFO, &info, &length)
        return Int(info.tcpi_unacked)
    }

    /// One turn, as the loop does it after a wait that reported every listener.
    @discardableResult
    func turn() -> Bool {
        for listener in listeners { handoff.noteReadable(listener: listener.index) }
        roster.look()
        return handoff.serve(now: now, exhaustively: true)
    }
}
