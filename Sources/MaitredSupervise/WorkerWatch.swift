// SPDX-License-Identifier: Apache-2.0

// The health of one worker, looked at once a second: memory, processor time, age, requests, and whether it hangs.
//
//                       silent for the hang timeout: hung              silent for the dump grace: hangKill
//      watching ────────────────────────────────────────────> dumping ─────────────────────────────────────> killed
//         ^                                                      │
//         └── a heartbeat (cameBack), held, the machine slept ───┘
//
// 1. Silence is the age of the heartbeat. A worker that has none is silent while it takes nothing of what waits for it, and
//    that counts only if the limits say so: a full program and a hung one look the same from outside.
// 2. Silence counts only while the worker is ready (every other phase has a deadline of its own) and not held.
// 3. What is high is said once, and again only after it was normal: 90 % of its limit, so that a value that swings
//    around the limit says nothing.
// 4. What asks for a replacement is said once in a worker's life.
// 5. Age and requests have a jitter of ±10 % for each worker, so that those started together do not go together.

/// What a worker may use, and for how long it may be silent.
package struct WorkerLimits: Equatable, Sendable {
    /// Silent for this long it hangs; nil: none hangs.
    package var hangTimeout: Duration?
    /// Whether workers without a heartbeat can hang too.
    package var hangAppliesToAll: Bool
    /// From the dump signal to SIGKILL.
    package var dumpGrace: Duration
    /// Bytes of memory above which there is a warning, nil for none.
    package var memorySoft: UInt64?
    /// Bytes of memory above which a worker is killed, nil for none.
    package var memoryHard: UInt64?
    /// Processor time above which there is a warning, as a percentage of one core; nil for none.
    package var cpuPercent: Double?
    /// Whether a worker above `memorySoft` is to be replaced.
    package var recycleOnMemory: Bool
    /// Ready for about this long it is to be replaced.
    package var maxAge: Duration?
    /// After about so many requests it is to be replaced.
    package var maxRequests: UInt64?

    /// Groups the limits.
    package init(
        hangTimeout: Duration?,
        hangAppliesToAll: Bool,
        dumpGrace: Duration,
        memorySoft: UInt64?,
        memoryHard: UInt64?,
        cpuPercent: Double?,
        recycleOnMemory: Bool,
        maxAge: Duration?,
        maxRequests: UInt64?
    ) {
        self.hangTimeout = hangTimeout
        self.hangAppliesToAll = hangAppliesToAll
        self.dumpGrace = dumpGrace
        self.memorySoft = memorySoft
        self.memoryHard = memoryHard
        self.cpuPercent = cpuPercent
        self.recycleOnMemory = recycleOnMemory
        self.maxAge = maxAge
        self.maxRequests = maxRequests
    }
}

/// What was measured of one worker at one moment.
package struct WorkerSample: Equatable, Sendable {
    /// The moment.
    package var now: Instant
    /// Its latest heartbeat, nil for a worker that has none.
    package var heartbeat: Instant?
    /// Since when it takes nothing of what waits for it, nil while it does.
    package var busySince: Instant?
    /// Whether somebody holds it for a debugger.
    package var isHeld: Bool
    /// Its memory in bytes, nil when that is not known.
    package var memory: UInt64?
    /// The processor time it has used in its life in nanoseconds, nil when that is not known.
    package var cpuTime: UInt64?
    /// Requests it has answered in its life.
    package var requests: UInt64
    /// Since when it is ready; nil before, and once it is on its way out.
    package var readySince: Instant?

    /// Groups what was measured.
    package init(
        now: Instant,
        heartbeat: Instant?,
        busySince: Instant?,
        isHeld: Bool,
        memory: UInt64?,
        cpuTime: UInt64?,
        requests: UInt64,
        readySince: Instant?
    ) {
        self.now = now
        self.heartbeat = heartbeat
        self.busySince = busySince
        self.isHeld = isHeld
        self.memory = memory
        self.cpuTime = cpuTime
        self.requests = requests
        self.readySince = readySince
    }
}

/// What a sample says about a worker.
package enum WorkerFinding: Equatable, Sendable {
    /// It uses more than the soft limit.
    case memoryHigh(bytes: UInt64)
    /// It uses less again.
    case memoryNormal(bytes: UInt64)
    /// It uses more than the hard limit: to be killed.
    case memoryOverLimit(bytes: UInt64)
    /// It used more processor time than the limit in two samples in a row.
    case cpuHigh(percent: Double)
    /// It used less again in two samples in a row.
    case cpuNormal(percent: Double)
    /// It uses more than the soft limit: to be replaced.
    case tooMuchMemory(bytes: UInt64)
    /// It was ready for long enough: to be replaced.
    case tooOld(age: Duration)
    /// It answered enough: to be replaced.
    case tooManyRequests(UInt64)
    /// It hangs: to be sent the dump signal.
    case hung(silentFor: Duration)
    /// It still hangs: to be killed.
    case hangKill(silentFor: Duration)
    /// It hung, and was heard again before it was killed.
    case cameBack
}

/// The health of one worker as a value: samples in, findings out.
package struct WorkerWatch: Equatable, Sendable {
    /// What is high is normal again below this share of its limit.
    private static let normalShare = 0.9

    /// Jitter widens limits by this share to either side.
    private static let jitterShare = 0.1

    /// Samples in a row that it takes to call processor time high, or normal: one is a garbage collection.
    private static let cpuSamples = 2

    private enum Hang: Equatable {
        case watching
        /// Was sent the dump signal.
        case dumping(since: Instant)
        case killed
    }

    private struct CPUReading: Equatable {
        let moment: Instant
        let time: UInt64
    }

    private let factor: Double
    private var hang = Hang.watching
    /// No silence counts from before this moment.
    private var notBefore = Instant(nanoseconds: 0)

    /// Of the latest sample.
    private var hangTimeout = Duration.zero
    private var dumpGrace = Duration.zero

    private var isMemoryOverLimit = false
    private var lastReading: CPUReading?
    /// Samples in a row that speak against `isCPUHigh`.
    private var contrarySamples = 0

    private var askedForMemory = false
    private var askedForAge = false
    private var askedForRequests = false

    /// Whether it uses more memory than the soft limit.
    package private(set) var isMemoryHigh = false
    /// Whether it uses more processor time than the limit.
    package private(set) var isCPUHigh = false
    /// Bytes of memory in the latest sample that knew them.
    package private(set) var memory: UInt64?
    /// Processor time over the latest interval as a percentage of one core, nil while unknown.
    package private(set) var cpuPercent: Double?

    /// Whether it was sent the dump signal, or SIGKILL, and has not been heard since.
    package var isHung: Bool { hang != .watching }

    /// A worker that was just started.
    ///
    /// - Parameter jitter: A random number in 0..<1.
    package init(jitter: Double) {
        precondition((0..<1).contains(jitter), "jitter is in 0..<1")
        factor = 1 - Self.jitterShare + 2 * Self.jitterShare * jitter
    }

    /// Looks at a sample.
    package mutating func observed(_ sample: WorkerSample, limits: WorkerLimits) -> [WorkerFinding] {
        var findings: [WorkerFinding] = []
        observeMemory(sample, limits, &findings)
        observeCPU(sample, limits, &findings)
        if !sample.isHeld { observeWear(sample, limits, &findings) }
        observeSilence(sample, limits, &findings)
        return findings
    }

    /// The whole machine slept: silence counts from now on.
    ///
    /// A sleep of less than half of what a worker is given calls nobody hung by itself. It changes nothing, because a
    /// machine with too much to do has one every few seconds, and would else never find out about anybody.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - gap: For how long it may have slept; nil: restart whatever it was.
    package mutating func restartClocks(at now: Instant, after gap: Duration?) {
        switch hang {
        case .watching:
            if gap.map({ $0 > hangTimeout / 2 }) ?? true { notBefore = now }
        case .dumping:
            guard gap.map({ $0 > dumpGrace / 2 }) ?? true else { return }
            notBefore = now
            hang = .watching
        case .killed:
            break
        }
    }

    // MARK: - Memory and processor time

    private mutating func observeMemory(
        _ sample: WorkerSample,
        _ limits: WorkerLimits,
        _ findings: inout [WorkerFinding]
    ) {
        guard let bytes = sample.memory else { return }
        memory = bytes
        if let soft = limits.memorySoft, bytes > soft {
            if !isMemoryHigh { findings.append(.memoryHigh(bytes: bytes)) }
            isMemoryHigh = true
        } else if isMemoryHigh, Self.isNormal(Double(bytes), limits.memorySoft.map { Double($0) }) {
            isMemoryHigh = false
            findings.append(.memoryNormal(bytes: bytes))
        }
        let isOver = limits.memoryHard.map { bytes > $0 } ?? false
        if isOver, !isMemoryOverLimit { findings.append(.memoryOverLimit(bytes: bytes)) }
        isMemoryOverLimit = isOver
    }

    private mutating func observeCPU(
        _ sample: WorkerSample,
        _ limits: WorkerLimits,
        _ findings: inout [WorkerFinding]
    ) {
        guard let time = sample.cpuTime else { return }
        let last = lastReading
        lastReading = CPUReading(moment: sample.now, time: time)
        // It goes back when a process of the worker ends: then the interval says nothing.
        guard let last, sample.now > last.moment, time >= last.time else { return }
        let percent = Double(time - last.time) / Double(sample.now.nanoseconds(since: last.moment)) * 100
        cpuPercent = percent
        let isContrary =
            isCPUHigh
            ? Self.isNormal(percent, limits.cpuPercent) : limits.cpuPercent.map { percent > $0 } ?? false
        contrarySamples = isContrary ? contrarySamples + 1 : 0
        guard contrarySamples >= Self.cpuSamples else { return }
        contrarySamples = 0
        isCPUHigh.toggle()
        findings.append(isCPUHigh ? .cpuHigh(percent: percent) : .cpuNormal(percent: percent))
    }

    /// Whether what was high is so no longer; without a limit nothing is high.
    private static func isNormal(_ value: Double, _ limit: Double?) -> Bool {
        limit.map { value < $0 * normalShare } ?? true
    }

    // MARK: - Wear

    private mutating func observeWear(
        _ sample: WorkerSample,
        _ limits: WorkerLimits,
        _ findings: inout [WorkerFinding]
    ) {
        guard let readySince = sample.readySince else { return }
        if limits.recycleOnMemory, !askedForMemory, let soft = limits.memorySoft, let bytes = sample.memory,
            bytes > soft
        {
            askedForMemory = true
            findings.append(.tooMuchMemory(bytes: bytes))
        }
        let age = sample.now - readySince
        if let maxAge = limits.maxAge, !askedForAge, Double(age.nanoseconds) >= Double(maxAge.nanoseconds) * factor {
            askedForAge = true
            findings.append(.tooOld(age: age))
        }
        if let most = limits.maxRequests, !askedForRequests, Double(sample.requests) >= Double(most) * factor {
            askedForRequests = true
            findings.append(.tooManyRequests(sample.requests))
        }
    }

    // MARK: - Silence

    private mutating func observeSilence(
        _ sample: WorkerSample,
        _ limits: WorkerLimits,
        _ findings: inout [WorkerFinding]
    ) {
        if hang == .killed { return }
        hangTimeout = limits.hangTimeout ?? .zero
        dumpGrace = limits.dumpGrace
        if sample.isHeld || sample.readySince == nil {
            notBefore = sample.now
            hang = .watching
            return
        }
        let silentSince = silentSince(sample, limits)
        if case .dumping(let since) = hang, silentSince.map({ $0 > since }) ?? true {
            hang = .watching
            findings.append(.cameBack)
            return
        }
        guard let timeout = limits.hangTimeout, let silentSince, sample.now - silentSince >= timeout else {
            hang = .watching
            return
        }
        let silence = sample.now - silentSince
        switch hang {
        case .watching:
            hang = .dumping(since: sample.now)
            findings.append(.hung(silentFor: silence))
        case .dumping(let since) where sample.now - since >= limits.dumpGrace:
            hang = .killed
            findings.append(.hangKill(silentFor: silence))
        case .dumping, .killed:
            break
        }
    }

    /// When the worker was last heard of, nil when its silence says nothing.
    private func silentSince(_ sample: WorkerSample, _ limits: WorkerLimits) -> Instant? {
        guard let readySince = sample.readySince else { return nil }
        if let heartbeat = sample.heartbeat { return max(heartbeat, readySince, notBefore) }
        guard limits.hangAppliesToAll, let busySince = sample.busySince else { return nil }
        return max(busySince, readySince, notBefore)
    }
}
