// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// What `maitred status` shows, put together when somebody asks.

extension Master {
    /// The state of everything.
    func statusReport(_ now: Instant) -> StatusReport {
        roster.look()
        var report = StatusReport()
        report.name = configuration.serviceName
        report.program = ProgramVersion.text
        report.pid = Int(ownProcess())
        report.state = stateWord
        report.uptime = (now - startedAt).seconds
        report.strategy = strategyName
        report.generation = pool.generation
        report.size = pool.size
        report.listeners = listeners.map {
            ListenerReport(index: $0.index, address: $0.socket.address.description, name: $0.name)
        }
        report.rates = rates.report
        report.lastReload = lastReload.report(at: now)
        report.droppedLogLines = events.lostLines()
        report.vacantSlots = vacantSlots(now)
        let latency = totalLatency()
        report.handoffLatency = LatencyReport(latency)
        report.connections = connectionReport()
        report.workers = roster.links.enumerated().compactMap { workerReport($1, at: $0, now) }
            .sorted { ($0.slot, $0.id) < ($1.slot, $1.id) }
        return report
    }

    private var stateWord: String {
        if shutdown.isUnderWay { return "stopping" }
        if rollout.isReloading { return "reloading" }
        return roster.isAnyoneReady ? "serving" : "starting"
    }

    private func connectionReport() -> ConnectionReport {
        var report = ConnectionReport()
        let counts = handoff.counts
        report.accepted = Int(clamping: acceptedCount)
        report.handed = Int(clamping: counts.handed)
        report.takenBack = Int(clamping: counts.takenBack)
        report.taken = Int(clamping: takenCount)
        report.queued = roster.queuedCount + handoff.departedCount
        report.open = roster.openCount + handoff.departedCount
        report.failed = Int(clamping: counts.failed)
        report.lost = Int(clamping: counts.lost)
        return report
    }

    /// Open listeners, whoever accepts from them.
    var listeners: [Listener] { direct?.listeners ?? handoff.listeners }

    /// The strategy in force, which may be a program's own.
    var strategyName: String { direct == nil ? roster.balancer.name : configuration.strategy.rawValue }

    /// Connections that were accepted; where workers do that, as many as they took.
    var acceptedCount: UInt64 { direct == nil ? handoff.counts.accepted : takenCount }

    /// Connections that all workers took, those that are gone too.
    var takenCount: UInt64 {
        roster.links.reduce(handoff.counts.takenByDeparted) { $0.addingSaturated($1.believedTakes($1.queue.taken)) }
    }

    /// What all workers' pages say of the time from accept to take.
    private func totalLatency() -> LatencyHistogram {
        roster.links.reduce(into: departedLatency) { $0.add($1.page.latency()) }
    }

    private func vacantSlots(_ now: Instant) -> [SlotReport] {
        (0..<pool.size).compactMap { slot in
            switch pool.state(of: slot) {
            case .occupied: nil
            case .failed:
                SlotReport(slot: slot, state: "failed", failures: pool.failures(of: slot), retryIn: nil)
            case .vacant(let until):
                SlotReport(
                    slot: slot,
                    state: "waiting",
                    failures: pool.failures(of: slot),
                    retryIn: until == .never ? nil : (until - now).seconds
                )
            }
        }
    }

    private func workerReport(_ link: WorkerLink, at index: Int, _ now: Instant) -> WorkerReport? {
        guard let worker = workers[link.id] else { return nil }
        let metrics = metrics(of: worker, at: index)
        var report = WorkerReport()
        report.id = worker.id
        report.slot = link.slot
        report.generation = worker.generation
        report.pid = Int(worker.process.pid)
        report.state = metrics.state
        report.busyFor = worker.isHeld ? nil : link.progress.busySince.map { (now - $0).seconds }
        report.uptime = (now - worker.startedAt).seconds
        report.open = metrics.open
        report.queued = metrics.queued
        report.taken = metrics.taken
        report.requests = metrics.requests
        report.errors = metrics.errors
        report.memory = metrics.memory
        report.cpuPercent = metrics.cpuPercent
        report.restarts = link.slot < pool.size ? pool.restarts(of: link.slot) : 0
        report.processes = link.page.totals().processes
        return report
    }

    /// What a worker does, as counted.
    func metrics(of worker: WorkerHandle, at index: Int) -> WorkerMetrics {
        let load = roster.balancer.table.workers[index]
        let totals = worker.link.page.totals()
        return WorkerMetrics(
            state: state(of: worker),
            open: load.open,
            queued: load.queued,
            taken: Int(clamping: worker.link.queue.taken),
            requests: Int(clamping: totals.requests),
            errors: Int(clamping: totals.errors),
            memory: worker.memory ?? Int(clamping: ProcessFiles.residentBytes(of: worker.process.pid) ?? 0),
            cpuPercent: worker.watch.cpuPercent
        )
    }

    private func state(of worker: WorkerHandle) -> String {
        guard worker.machine.phase == .ready else { return worker.machine.phase.rawValue }
        if worker.isHeld { return "held" }
        return worker.link.progress.isBusy ? "busy" : "ready"
    }
}

extension LatencyReport {
    /// The percentiles of a histogram.
    init(_ histogram: LatencyHistogram) {
        self.init()
        count = Int(clamping: histogram.count)
        p50 = histogram.percentile(50)?.seconds
        p90 = histogram.percentile(90)?.seconds
        p99 = histogram.percentile(99)?.seconds
        max = histogram.maximum?.seconds
    }
}

/// Counts at two moments about a second apart, and what happened between them.
struct Rates {
    private struct Counts {
        var accepted: UInt64 = 0
        var taken: UInt64 = 0
        var requests: UInt64 = 0
        var errors: UInt64 = 0
    }

    private var last = Counts()
    private var lastAt: Instant?

    /// The last interval.
    private(set) var report = RateReport()

    /// Ends an interval and begins another.
    mutating func sample(accepted: UInt64, taken: UInt64, requests: UInt64, errors: UInt64, at now: Instant) {
        let counts = Counts(accepted: accepted, taken: taken, requests: requests, errors: errors)
        if let lastAt {
            let seconds = max((now - lastAt).seconds, 1e-3)
            report.interval = seconds
            report.accepted = Self.rate(last.accepted, counts.accepted, seconds)
            report.taken = Self.rate(last.taken, counts.taken, seconds)
            report.requests = Self.rate(last.requests, counts.requests, seconds)
            report.errors = Self.rate(last.errors, counts.errors, seconds)
        }
        (last, lastAt) = (counts, now)
    }

    /// A count that went back belongs to a worker that is gone, or lies.
    private static func rate(_ before: UInt64, _ after: UInt64, _ seconds: Double) -> Double {
        after > before ? (Double(after - before) / seconds * 10).rounded() / 10 : 0
    }
}
