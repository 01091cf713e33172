// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Memory, processor time, heartbeats: measured once a second for each worker, a few workers at a time.

extension Master {
    /// Workers measured in one turn: each takes a few reads of /proc, about 10 µs apiece.
    private static let samplesPerTurn = 8

    /// Rows of load pages looked up for one worker in a sample.
    private static let rowsPerSample = 16

    /// Processes of one worker whose memory and time are added up; more than that are not read.
    private static let processesPerSample = 16

    /// Measures the next few workers; once all had their turn, does what is due once a second.
    func sample(_ now: Instant) {
        let count = roster.links.count
        let end = min(clocks.sampledWorkers + Self.samplesPerTurn, count)
        // The array as it is now: a finding can end a worker only later, by its exit.
        for link in roster.links[min(clocks.sampledWorkers, count)..<end] {
            if let worker = workers[link.id] { sample(worker, now) }
        }
        clocks.sampled(upTo: end, of: count, at: now)
        if clocks.sampledWorkers == 0 { oncePerSecond(now) }
    }

    private func oncePerSecond(_ now: Instant) {
        workerSocket.beginSecond()
        serveFetches(now)
        // Where workers accept, nothing else reads what they took.
        if direct != nil { roster.look() }
        var (requests, errors) = (departedRequests, departedErrors)
        for link in roster.links {
            let totals = link.page.totals()
            requests = requests.addingSaturated(totals.requests)
            errors = errors.addingSaturated(totals.errors)
        }
        rates.sample(accepted: acceptedCount, taken: takenCount, requests: requests, errors: errors, at: now)
        if shutdown.isUnderWay { service.extendTimeout() }
        clocks.samples += 1
        if clocks.samples % Clocks.samplesPerStatus == 0 { service.status(statusLine()) } else { service.sayAgain() }
    }

    private func sample(_ worker: WorkerHandle, _ now: Instant) {
        let page = worker.link.page
        guard let index = roster.index(of: worker.id) else { return }
        roster.dropDeadRows(at: index, leader: worker.process.pid, limit: Self.rowsPerSample)
        roster.beginSecond(at: index)
        restControl(of: worker)
        let totals = page.totals()
        let usage = usage(of: worker, totals)
        worker.memory = usage.memory.map { Int(clamping: $0) }
        let heartbeat = totals.heartbeat(now: now.nanoseconds)
        let findings = worker.watch.observed(
            WorkerSample(
                now: now,
                heartbeat: heartbeat.map { Instant(nanoseconds: $0) },
                busySince: worker.link.progress.busySince,
                isHeld: worker.isHeld,
                memory: usage.memory,
                cpuTime: usage.cpuTime,
                requests: max(totals.requests, worker.link.queue.taken),
                readySince: worker.machine.readySince
            ),
            limits: WorkerLimits(configuration, hasHeartbeat: heartbeat != nil)
        )
        if let memory = worker.memory { roster.balancer.table.sampleMemory(at: index, bytes: memory) }
        roster.balancer.table.setOverMemory(worker.watch.isMemoryHigh, at: index)
        for finding in findings { act(on: finding, worker, now) }
    }

    /// What the worker's processes say of themselves, else what the kernel says of those that are known.
    private func usage(of worker: WorkerHandle, _ totals: LoadTotals) -> (memory: UInt64?, cpuTime: UInt64?) {
        var memory: UInt64 = 0
        var cpuTime: UInt64 = 0
        let leader = worker.process.pid
        var processes = worker.link.page.processes(limit: Self.processesPerSample)
        if !processes.contains(leader) { processes.append(leader) }
        for process in processes {
            memory &+= ProcessFiles.residentBytes(of: process) ?? 0
            cpuTime &+= ProcessFiles.cpuNanoseconds(of: process) ?? 0
        }
        if totals.memory > 0 { memory = totals.memory }
        if totals.cpuNanoseconds > 0 { cpuTime = totals.cpuNanoseconds }
        return (memory > 0 ? memory : nil, cpuTime)
    }

    // MARK: - Findings

    private func act(on finding: WorkerFinding, _ worker: WorkerHandle, _ now: Instant) {
        switch finding {
        case .memoryHigh(let bytes):
            emit(worker, .highMemory(bytes: Int(clamping: bytes), limit: configuration.maxMemory ?? 0), now)
        case .memoryNormal(let bytes): emit(worker, .normalMemory(bytes: Int(clamping: bytes)), now)
        case .memoryOverLimit(let bytes):
            kill(worker, "uses \(bytes >> 20) MiB of memory, more than its limit", now)
        case .cpuHigh(let percent):
            emit(worker, .highCPU(percent: percent, limit: Double(configuration.maxCPU ?? 0)), now)
        case .cpuNormal(let percent): emit(worker, .normalCPU(percent: percent), now)
        case .tooMuchMemory(let bytes): replace(worker, .memory, "uses \(bytes >> 20) MiB of memory", now)
        case .tooOld(let age): replace(worker, .age, "has served for \(age.shortText)", now)
        case .tooManyRequests(let count): replace(worker, .requests, "has served \(count) requests", now)
        case .hung(let silence): dump(worker, silence, now)
        case .hangKill(let silence): kill(worker, "hangs: silent for \(silence.shortText)", now)
        case .cameBack: emit(worker, .back(busyFor: now - (worker.silentSince ?? now)), now)
        }
    }

    private func replace(_ worker: WorkerHandle, _ cause: ReplacementCause, _ reason: String, _ now: Instant) {
        guard !shutdown.isUnderWay, pool.occupant(of: worker.link.slot)?.id == worker.id else { return }
        emit(worker, .recycling(reason: reason), now)
        let slots = rolloutSlots
        perform(rollout.replace(worker.id, slot: worker.link.slot, cause: cause, slots: slots, at: now), now)
    }

    private func dump(_ worker: WorkerHandle, _ silence: Duration, _ now: Instant) {
        let signal = configuration.dumpSignal
        worker.silentSince = Instant(nanoseconds: now.nanoseconds(since: Instant(nanoseconds: silence.nanoseconds)))
        emit(worker, .hung(silentFor: silence, signal: signal.map { "\($0)" } ?? "no signal"), now)
        if let signal { worker.process.signal(signal.number) }
    }

    private func kill(_ worker: WorkerHandle, _ reason: String, _ now: Instant) {
        emit(worker, .killed(reason: reason), now)
        perform(worker.machine.killed(at: now), for: worker, now)
    }
}

extension WorkerLimits {
    /// From the dump signal to SIGKILL: a backtrace of a big program takes a moment.
    private static let dumpGrace = Duration.seconds(5)

    /// What the configuration allows a worker.
    init(_ configuration: Configuration, hasHeartbeat: Bool) {
        self.init(
            hangTimeout: configuration.hangTimeout(hasHeartbeat: hasHeartbeat),
            hangAppliesToAll: configuration.hangTimeout != nil,
            dumpGrace: configuration.dumpSignal == nil ? .zero : Self.dumpGrace,
            memorySoft: configuration.maxMemory.map { UInt64($0) },
            memoryHard: configuration.memoryLimit.map { UInt64($0) },
            cpuPercent: configuration.maxCPU.map { Double($0) },
            recycleOnMemory: configuration.recycle == .memory,
            maxAge: configuration.maxAge,
            maxRequests: configuration.maxRequests.map { UInt64($0) }
        )
    }
}
