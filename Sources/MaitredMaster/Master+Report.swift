// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// What the master tells of itself: at its start, once per status interval, and to the service manager.

extension Master {
    /// Says what is being served, by whom.
    func sayStart() {
        let now = startedAt
        for listener in listeners {
            let address = listener.socket.address.description
            emit(.master(.listening(index: listener.index, address: address, name: listener.name)), now)
        }
        emit(.master(.started(workers: pool.size, strategy: strategyName, command: configuration.command[0])), now)
        if let spawner = spawners[pool.generation] { sayUnfit(spawner, now) }
        service.status(statusLine())
    }

    /// Warns of a program that will hardly be a worker.
    func sayUnfit(_ spawner: WorkerSpawner, _ now: Instant) {
        guard let program = spawner.program, let warning = spawner.warning else { return }
        emit(.master(.programUnfit(path: program.path, problem: warning)), now)
    }

    /// One line for a person: what `systemctl status` shows.
    func statusLine() -> String {
        let table = roster.balancer.table.workers
        let ready = table.count { $0.isReady && !$0.isDraining }
        let failed = pool.failedSlots.count
        var line = "\(ready) of \(pool.size) workers ready, \(roster.openCount) connections open"
        if shutdown.isUnderWay {
            line = "stopping: \(workers.count) workers left, \(roster.openCount) connections open"
        }
        if rollout.isReloading { line += ", reloading" }
        if let reason = lastReload.failure { line += ", last reload \(reason)" }
        if failed > 0 { line += ", \(counted(failed, "slot")) failed" }
        return line
    }

    /// Says the state of everything and of each worker.
    func sayMetrics(_ now: Instant) {
        roster.look()
        let table = roster.balancer.table.workers
        emit(
            .master(
                .metrics(
                    ready: table.count { $0.isReady && !$0.isDraining },
                    workers: pool.size,
                    open: roster.openCount,
                    queued: roster.queuedCount,
                    accepted: Int(clamping: acceptedCount),
                    takenBack: Int(clamping: handoff.counts.takenBack)
                )
            ),
            now
        )
        for (index, link) in roster.links.enumerated() {
            if let worker = workers[link.id] { emit(worker, .metrics(metrics(of: worker, at: index)), now) }
        }
    }
}
