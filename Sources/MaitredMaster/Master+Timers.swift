// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredBalance
internal import MaitredConfig
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

extension Master {
    /// Rows of load pages looked up in one second: each costs one read of /proc, about 10 µs.
    private static let rowsPerSample = 256

    /// Does whatever is due, and finds out what is due next.
    func handleTimers(_ now: Instant) {
        clocks.wakeAt = .never
        if let tickAt = clocks.tickAt, now >= tickAt { tick(now) }
        if let netAt = clocks.netAt, now >= netAt { clocks.netAt = nil }
        if now >= clocks.sampleAt { sample(now) }
        if let statusAt = clocks.statusAt, now >= statusAt {
            clocks.statusAt = now + clocks.statusInterval
            logStatus(now)
        }
        if let watchdogAt = clocks.watchdogAt, let interval = clocks.watchdogInterval, now >= watchdogAt {
            clocks.watchdogAt = now + interval
            service.alive()
        }
        for worker in workers.values {
            perform(worker.machine.timePassed(at: now), for: worker, now)
        }
        killDeparting(now)
        fillSlots(now)
        let pauseEnd = handoff.endPauses(now: now)
        watchListeners()
        wake(at: pauseEnd ?? .never)
        wake(at: nextDeadline)
    }

    /// The earliest moment at which anything is due.
    private var nextDeadline: Instant {
        var earliest = min(clocks.earliest, pool.deadline ?? .never)
        for worker in workers.values { earliest = min(earliest, worker.machine.deadline ?? .never) }
        for group in departing { earliest = min(earliest, group.killAt ?? .never) }
        return min(earliest, shutdown.deadline ?? .never)
    }

    /// A turn that comes later than a whole stall timeout after its time: the machine slept, or this process did.
    func restartClocksIfLate(planned: Instant, now: Instant) {
        guard now.nanoseconds(since: planned) > clocks.lateNanoseconds else { return }
        log.debug("woke up late: the workers' clocks begin anew", metadata: ["late": "\((now - planned).shortText)"])
        for worker in workers.values {
            worker.machine.restartClocks(at: now)
            worker.link.restartClocks(at: now)
        }
    }

    // MARK: - Once a second

    private func sample(_ now: Instant) {
        clocks.sampleAt = now + Clocks.sampleInterval
        let rows = max(1, Self.rowsPerSample / max(1, workers.count))
        for (index, link) in roster.links.enumerated() {
            guard let worker = workers[link.id] else { continue }
            _ = link.page.dropDeadRows(leader: worker.process.pid, limit: rows)
            sampleMemory(of: worker, at: index)
            restControl(of: worker)
        }
        if shutdown.isUnderWay { service.extendTimeout() }
        clocks.samples += 1
        if clocks.samples % Clocks.samplesPerStatus == 0 { service.status(statusLine()) } else { service.sayAgain() }
    }

    /// What the worker says it uses, else its resident set; only asked for when the strategy wants to know.
    private func sampleMemory(of worker: WorkerHandle, at index: Int) {
        guard configuration.strategy == .leastMemory else { return }
        let said = worker.link.page.totals().memory
        guard let bytes = said > 0 ? said : ProcessFiles.residentBytes(of: worker.process.pid) else { return }
        roster.balancer.table.sampleMemory(at: index, bytes: Int(clamping: bytes))
    }
}

extension Duration {
    /// "350 ms", "12.5 s": for log lines.
    var shortText: String {
        let milliseconds = nanoseconds / 1_000_000
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    }
}
