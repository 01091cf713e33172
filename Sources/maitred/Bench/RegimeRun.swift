// SPDX-License-Identifier: Apache-2.0

import MaitredBench
import MaitredControl
import MaitredLoad
import MaitredSystem

/// One strategy under one regime, once.
struct RegimeRun {
    /// What the load generator found.
    var result: LoadResult
    /// Connections by slot, several times a second.
    var spreads: [StrategyResult.Spread] = []
    /// CPU time of the master.
    var masterCPU: Duration
    /// CPU time of all workers.
    var workerCPU: Duration

    /// Runs it against a master that serves.
    ///
    /// - Parameters:
    ///   - regime: The load.
    ///   - seconds: How long.
    ///   - seed: What random moments begin with: the same for each strategy of a round.
    ///   - master: Whom it is sent to.
    ///   - mayGoOn: False ends the run early.
    /// - Throws: What the master or the generator says.
    init(
        _ regime: Regime,
        seconds: Double,
        seed: UInt64,
        on master: inout BenchMaster,
        while mayGoOn: () -> Bool
    ) throws {
        var watch = try MasterWatch(master.status(), master: master.pid)
        var disturber = regime.disturbance.map { Disturber(path: $0.path, every: $0.every, address: master.address) }
        var hasRestarted = false
        var failure: (any Error)?
        let plan = regime.plan(address: master.address, seconds: seconds, seed: seed)
        result = try LoadGenerator.run(
            plan,
            while: { failure == nil && mayGoOn() },
            progress: { progress in
                do {
                    let second = progress.elapsed / .seconds(1)
                    try disturber?.step(second: second)
                    if regime.restartsInTheMiddle, !hasRestarted, second >= seconds / 2 {
                        hasRestarted = true
                        try master.reload()
                    }
                    watch.look(try master.status(), second: second)
                } catch {
                    failure = error
                }
            }
        )
        if let failure { throw failure }
        watch.look(try master.status(), second: nil)
        spreads = watch.spreads
        masterCPU = watch.masterCPU
        workerCPU = watch.workerCPU
    }
}

extension Regime {
    /// The generator's plan for it.
    fileprivate func plan(address: SocketAddress, seconds: Double, seed: UInt64) -> LoadPlan {
        var plan = LoadPlan(
            addresses: [address],
            host: "localhost",
            requests: requests.map { LoadPlan.Request(weight: $0.weight, path: $0.path) },
            pace: pace,
            duration: .seconds(seconds)
        )
        plan.keepsAlive = keepsAlive
        plan.idle = held
        plan.timeout = .seconds(10)
        plan.seed = seed
        return plan
    }

    private var pace: LoadPlan.Pace {
        switch load {
        case .closed(let connections): .closed(connections: connections)
        case .open(let perSecond): .open(perSecond: perSecond, .poisson)
        case .bursts(let count, let interval): .bursts(of: count, every: interval)
        }
    }
}

/// Sends a request every so often and does not wait for its answer.
private struct Disturber: ~Copyable {
    let path: String
    let every: Duration
    let address: SocketAddress
    private var sent = 0
    /// Kept open until the next: the server has something to answer to, and has done so by then.
    private var connection: ClientSocket?

    init(path: String, every: Duration, address: SocketAddress) {
        self.path = path
        self.every = every
        self.address = address
    }

    /// Sends when it is time.
    mutating func step(second: Double) throws(SystemError) {
        guard second >= (Double(sent) + 0.5) * (every / .seconds(1)) else { return }
        sent += 1
        let fresh = try ClientSocket.connect(to: address, within: .seconds(1))
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        // A new connection has room for a line.
        _ = fresh.write(request, from: 0)
        connection = consume fresh
    }
}

/// What a master's reports say over the time of a run.
private struct MasterWatch {
    private(set) var spreads: [StrategyResult.Spread] = []
    private let master: Int32
    private let masterBefore: UInt64
    private var workersBefore: [Int: UInt64] = [:]
    private var workersNow: [Int: UInt64] = [:]

    /// Begins with what processes have used before the run.
    init(_ report: StatusReport, master: Int32) {
        self.master = master
        masterBefore = ProcessClock.nanoseconds(of: master) ?? 0
        for worker in report.workers { workersBefore[worker.pid] = Self.used(worker) }
    }

    /// Takes in a report; `second` is nil after the run.
    mutating func look(_ report: StatusReport, second: Double?) {
        // One that has ended since the report has no clock any more: it keeps what it was last seen with.
        for worker in report.workers {
            workersNow[worker.pid] = max(workersNow[worker.pid] ?? workersBefore[worker.pid] ?? 0, Self.used(worker))
        }
        guard let second else { return }
        var open = [Int](repeating: 0, count: report.size)
        for worker in report.workers where open.indices.contains(worker.slot) { open[worker.slot] += worker.open }
        spreads.append(StrategyResult.Spread(second: second, open: open))
    }

    /// Of the master, since the beginning.
    var masterCPU: Duration {
        .nanoseconds(Int64((ProcessClock.nanoseconds(of: master) ?? masterBefore) - masterBefore))
    }

    /// Of all workers, those included that came and went, up to when they were last seen.
    var workerCPU: Duration {
        .nanoseconds(workersNow.reduce(0) { $0 + Int64(clamping: $1.value - (workersBefore[$1.key] ?? 0)) })
    }

    private static func used(_ worker: WorkerReport) -> UInt64 {
        ProcessClock.nanoseconds(of: Int32(clamping: worker.pid)) ?? 0
    }
}
