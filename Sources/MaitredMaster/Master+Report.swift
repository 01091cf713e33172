// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredBalance
internal import MaitredConfig
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// What the master tells of itself: at its start, once per status interval, and to the service manager.

extension Master {
    /// Says what is being served, by whom.
    func logStart() {
        for listener in handoff.listeners {
            let address = listener.socket.address.description
            log.notice(
                "listening on \(address)",
                metadata: ["listener": "\(listener.index)", "name": "\(listener.name)"]
            )
        }
        log.info(
            "starting \(pool.size) workers of \(configuration.command[0])",
            metadata: ["strategy": "\(configuration.strategy.rawValue)"]
        )
        service.status(statusLine())
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
        if failed > 0 { line += ", \(failed) slots failed" }
        return line
    }

    /// Logs the state of everything and of each worker.
    func logStatus(_ now: Instant) {
        roster.look()
        log.info(
            "status: \(statusLine())",
            metadata: [
                "uptime": "\((now - startedAt).shortText)", "accepted": "\(handoff.counts.accepted)",
                "taken-back": "\(handoff.counts.takenBack)", "strategy": "\(configuration.strategy.rawValue)",
            ]
        )
        for (index, link) in roster.links.enumerated() {
            guard let worker = workers[link.id] else { continue }
            let load = roster.balancer.table.workers[index]
            let totals = link.page.totals()
            let memory = ProcessFiles.residentBytes(of: worker.process.pid) ?? 0
            let state = link.progress.isBusy ? "busy" : worker.machine.phase.rawValue
            log.info(
                "status: worker \(link.id) \(state)",
                metadata: worker.metadata.merging([
                    "open": "\(load.open)", "queued": "\(load.queued)", "taken": "\(link.queue.taken)",
                    "requests": "\(totals.requests)", "errors": "\(totals.errors)", "memory": "\(memory >> 20) MiB",
                ]) { $1 }
            )
        }
    }
}
