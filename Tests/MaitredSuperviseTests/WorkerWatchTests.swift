// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

private let megabyte: UInt64 = 1_000_000

private let limits = WorkerLimits(
    hangTimeout: .seconds(30),
    hangAppliesToAll: false,
    dumpGrace: .seconds(5),
    memorySoft: 500 * megabyte,
    memoryHard: 800 * megabyte,
    cpuPercent: 80,
    recycleOnMemory: false,
    maxAge: nil,
    maxRequests: nil
)

/// A sample of a ready, silent, idle worker without a heartbeat; changed as the test needs it.
private func sample(_ second: Double, _ change: (inout WorkerSample) -> Void = { _ in }) -> WorkerSample {
    var sample = WorkerSample(
        now: seconds(second),
        heartbeat: nil,
        busySince: nil,
        isHeld: false,
        memory: nil,
        cpuTime: nil,
        requests: 0,
        readySince: start
    )
    change(&sample)
    return sample
}

private func with(_ change: (inout WorkerLimits) -> Void) -> WorkerLimits {
    var changed = limits
    change(&changed)
    return changed
}

extension WorkerWatch {
    fileprivate mutating func memory(
        _ megabytes: UInt64,
        at second: Double = 1,
        isHeld: Bool = false,
        limits: WorkerLimits = limits
    ) -> [WorkerFinding] {
        let sample = sample(second) {
            $0.memory = megabytes * megabyte
            $0.isHeld = isHeld
        }
        return observed(sample, limits: limits)
    }

    /// The worker's heartbeat, or its last take, was at the moment given.
    fileprivate mutating func silence(
        since: Double?,
        at second: Double,
        isHeld: Bool = false,
        limits: WorkerLimits = limits
    ) -> [WorkerFinding] {
        let sample = sample(second) {
            $0.heartbeat = since.map(seconds)
            $0.isHeld = isHeld
        }
        return observed(sample, limits: limits)
    }
}

struct WorkerWatchTests {
    private func watch(jitter: Double = 0.5) -> WorkerWatch {
        WorkerWatch(jitter: jitter)
    }

    @Test func `a worker of which nothing is known is not complained about`() {
        var watch = watch()
        for second in 0..<1000 { #expect(watch.observed(sample(Double(second)), limits: limits) == []) }
        #expect(watch.cpuPercent == nil)
        #expect(watch.memory == nil)
    }

    // MARK: - Memory

    @Test func `memory is high once, and normal once it is well below the limit`() {
        var watch = watch()
        #expect(watch.memory(500) == [])
        #expect(watch.memory(501) == [.memoryHigh(bytes: 501 * megabyte)])
        #expect(watch.memory(700) == [])
        #expect(watch.memory(460) == [])
        #expect(watch.isMemoryHigh)
        #expect(watch.memory(450) == [])
        #expect(watch.memory(449) == [.memoryNormal(bytes: 449 * megabyte)])
        #expect(!watch.isMemoryHigh)
        #expect(watch.memory(501) == [.memoryHigh(bytes: 501 * megabyte)])
        #expect(watch.memory == 501 * megabyte)
    }

    @Test func `a worker beyond the hard limit is to be killed, which is said once`() {
        var watch = watch()
        #expect(
            watch.memory(801) == [.memoryHigh(bytes: 801 * megabyte), .memoryOverLimit(bytes: 801 * megabyte)]
        )
        #expect(watch.memory(900) == [])
        #expect(watch.memory(700) == [])
        // Somebody who holds it for a debugger does not make the machine larger.
        #expect(watch.memory(900, isHeld: true) == [.memoryOverLimit(bytes: 900 * megabyte)])
    }

    @Test func `a large worker is replaced only if that was asked for, once, and not while it is held`() {
        let limits = with { $0.recycleOnMemory = true }
        var watch = watch()
        #expect(watch.memory(600, isHeld: true, limits: limits) == [.memoryHigh(bytes: 600 * megabyte)])
        #expect(watch.memory(610, limits: limits) == [.tooMuchMemory(bytes: 610 * megabyte)])
        #expect(watch.memory(100, limits: limits) == [.memoryNormal(bytes: 100 * megabyte)])
        #expect(watch.memory(610, limits: limits) == [.memoryHigh(bytes: 610 * megabyte)])
    }

    @Test func `a limit that is lifted makes memory normal`() {
        var watch = watch()
        _ = watch.memory(600)
        let lifted = with {
            $0.memorySoft = nil
            $0.memoryHard = nil
        }
        #expect(watch.memory(600, limits: lifted) == [.memoryNormal(bytes: 600 * megabyte)])
        #expect(watch.memory(9000, limits: lifted) == [])
    }

    // MARK: - Processor time

    /// Feeds one sample a second with the given loads; what was found by each.
    private func load(
        _ percents: [Double],
        _ watch: inout WorkerWatch,
        limits: WorkerLimits = limits
    )
        -> [[WorkerFinding]]
    {
        var time: UInt64 = 0
        _ = watch.observed(sample(0) { $0.cpuTime = time }, limits: limits)
        return percents.enumerated().map { index, percent in
            time += UInt64(percent * 10_000_000)
            return watch.observed(sample(Double(index + 1)) { $0.cpuTime = time }, limits: limits)
        }
    }

    @Test func `processor time is a rate over the interval, and high only twice in a row`() {
        var watch = watch()
        #expect(
            load([90, 10, 90, 95, 99, 75, 71, 75, 71, 70], &watch) == [
                [], [], [], [.cpuHigh(percent: 95)], [], [], [], [], [], [.cpuNormal(percent: 70)],
            ]
        )
        #expect(watch.cpuPercent == 70)
        #expect(!watch.isCPUHigh)
    }

    @Test func `several cores are more than 100 percent, and the interval is what it is`() {
        var watch = watch()
        _ = watch.observed(sample(0) { $0.cpuTime = 7 }, limits: limits)
        _ = watch.observed(sample(4) { $0.cpuTime = 10_000_000_007 }, limits: limits)
        #expect(watch.cpuPercent == 250)
    }

    @Test func `a sample that cannot be compared says nothing`() {
        var watch = watch()
        _ = load([50], &watch)
        // A process of the worker has ended, and its time is gone.
        #expect(watch.observed(sample(2) { $0.cpuTime = 0 }, limits: limits) == [])
        #expect(watch.cpuPercent == 50)
        #expect(watch.observed(sample(2) { $0.cpuTime = 9_000_000_000 }, limits: limits) == [])
        #expect(watch.cpuPercent == 50)
        #expect(watch.observed(sample(3), limits: limits) == [])
        _ = watch.observed(sample(4) { $0.cpuTime = 9_200_000_000 }, limits: limits)
        #expect(watch.cpuPercent == 10)
    }

    @Test func `without a limit no load is high`() {
        var watch = watch()
        #expect(load([400, 400, 400], &watch, limits: with { $0.cpuPercent = nil }) == [[], [], []])
        #expect(watch.cpuPercent == 400)
    }

    // MARK: - Wear

    @Test(arguments: [(0.0, 90.0), (0.5, 100.0), (0.75, 105.0)])
    func `the age that ends a worker is its own, within a tenth`(jitter: Double, age: Double) {
        let limits = with { $0.maxAge = .seconds(100) }
        var watch = watch(jitter: jitter)
        #expect(watch.observed(sample(age - 0.25), limits: limits) == [])
        #expect(watch.observed(sample(age + 0.25), limits: limits) == [.tooOld(age: .seconds(age + 0.25))])
        #expect(watch.observed(sample(age + 1), limits: limits) == [])
    }

    @Test(arguments: [(0.0, 900), (0.5, 1000), (0.75, 1050)] as [(Double, UInt64)])
    func `so is the number of requests`(jitter: Double, requests: UInt64) {
        let limits = with { $0.maxRequests = 1000 }
        var watch = watch(jitter: jitter)
        #expect(watch.observed(sample(1) { $0.requests = requests - 1 }, limits: limits) == [])
        #expect(
            watch.observed(sample(2) { $0.requests = requests + 1 }, limits: limits) == [
                .tooManyRequests(requests + 1)
            ]
        )
        #expect(watch.observed(sample(3) { $0.requests = .max }, limits: limits) == [])
    }

    @Test func `workers that started together do not go together`() {
        var generator = Seeded(1)
        let limits = with { $0.maxAge = .seconds(1000) }
        var perSecond: [Double: Int] = [:]
        for _ in 0..<100 {
            var watch = watch(jitter: Double.random(in: 0..<1, using: &generator))
            let age = stride(from: 890.0, to: 1110, by: 1).first { !watch.observed(sample($0), limits: limits).isEmpty }
            perSecond[age ?? 0, default: 0] += 1
        }
        #expect(perSecond.keys.allSatisfy { (900...1100).contains($0) })
        #expect((perSecond.values.max() ?? 0) <= 5)
    }

    @Test func `a worker that is not ready, or held, is not worn`() {
        let limits = with {
            $0.maxAge = .seconds(1)
            $0.maxRequests = 1
        }
        var watch = watch()
        let starting = sample(50) {
            $0.readySince = nil
            $0.requests = 9
        }
        #expect(watch.observed(starting, limits: limits) == [])
        let held = sample(51) {
            $0.isHeld = true
            $0.requests = 9
        }
        #expect(watch.observed(held, limits: limits) == [])
        #expect(watch.observed(sample(52) { $0.requests = 9 }, limits: limits).count == 2)
    }

    // MARK: - Silence

    @Test func `a silent worker is sent the dump signal, then killed, each once`() {
        var watch = watch()
        #expect(watch.silence(since: 10, at: 39.9) == [])
        #expect(!watch.isHung)
        #expect(watch.silence(since: 10, at: 40) == [.hung(silentFor: .seconds(30))])
        #expect(watch.isHung)
        #expect(watch.silence(since: 10, at: 44.9) == [])
        #expect(watch.silence(since: 10, at: 45) == [.hangKill(silentFor: .seconds(35))])
        #expect(watch.silence(since: 10, at: 100) == [])
        #expect(watch.silence(since: 99, at: 100) == [])
    }

    @Test func `a heartbeat in between saves it, even when the next silence has begun`() {
        var watch = watch()
        _ = watch.silence(since: 10, at: 40)
        #expect(watch.silence(since: 41, at: 42) == [.cameBack])
        #expect(watch.silence(since: 41, at: 70) == [])
        #expect(watch.silence(since: 41, at: 71) == [.hung(silentFor: .seconds(30))])
        #expect(watch.silence(since: 72, at: 110) == [.cameBack])
        #expect(watch.silence(since: 72, at: 111) == [.hung(silentFor: .seconds(39))])
    }

    @Test func `with a heartbeat only that counts`() {
        var watch = watch()
        let limits = with { $0.hangAppliesToAll = true }
        for second in 1...100 {
            let sample = sample(Double(second)) {
                $0.heartbeat = seconds(Double(second) - 1)
                $0.busySince = start
            }
            #expect(watch.observed(sample, limits: limits) == [])
        }
    }

    @Test func `without one being busy counts, and only if the limits say so`() {
        var watch = watch()
        let busy = sample(40) { $0.busySince = seconds(10) }
        #expect(watch.observed(busy, limits: limits) == [])
        let all = with { $0.hangAppliesToAll = true }
        #expect(watch.observed(busy, limits: all) == [.hung(silentFor: .seconds(30))])
        // It took something.
        #expect(watch.observed(sample(41), limits: all) == [.cameBack])
        #expect(watch.observed(sample(99), limits: all) == [])
    }

    @Test func `silence before it was ready, while held, or while the machine slept does not count`() {
        var watch = watch()
        let late = sample(100) {
            $0.heartbeat = start
            $0.readySince = seconds(80)
        }
        #expect(watch.observed(late, limits: limits) == [])

        #expect(watch.silence(since: 0, at: 200, isHeld: true) == [])
        #expect(watch.silence(since: 0, at: 229) == [])
        watch.restartClocks(at: seconds(229), after: .seconds(29))
        #expect(watch.silence(since: 0, at: 258) == [])
        #expect(watch.silence(since: 0, at: 259) == [.hung(silentFor: .seconds(30))])
    }

    @Test func `a short sleep calls nothing off: a machine with too much to do has one every few seconds`() {
        var watch = watch()
        for second in 1..<30 {
            #expect(watch.silence(since: 0, at: Double(second)) == [])
            watch.restartClocks(at: seconds(Double(second)), after: .milliseconds(1200))
        }
        #expect(watch.silence(since: 0, at: 30) == [.hung(silentFor: .seconds(30))])
        watch.restartClocks(at: seconds(32), after: .milliseconds(1200))
        #expect(watch.silence(since: 0, at: 35) == [.hangKill(silentFor: .seconds(35))])
    }

    @Test func `the machine's sleep and a debugger call the kill off`() {
        var slept = watch()
        _ = slept.silence(since: 0, at: 30)
        slept.restartClocks(at: seconds(500), after: .seconds(470))
        #expect(slept.silence(since: 0, at: 500) == [])
        #expect(!slept.isHung)

        var held = watch()
        _ = held.silence(since: 0, at: 30)
        #expect(held.silence(since: 0, at: 36, isHeld: true) == [])
        #expect(held.silence(since: 0, at: 37) == [])
        #expect(!held.isHung)
    }

    @Test func `a worker on its way out has other deadlines`() {
        var watch = watch()
        _ = watch.silence(since: 0, at: 30)
        let draining = sample(40) {
            $0.heartbeat = start
            $0.readySince = nil
        }
        #expect(watch.observed(draining, limits: limits) == [])
        #expect(!watch.isHung)
    }

    @Test func `without a hang timeout nobody hangs`() {
        var watch = watch()
        let never = with { $0.hangTimeout = nil }
        #expect(watch.silence(since: 0, at: 1e6, limits: never) == [])
    }

    @Test func `a heartbeat from the future is no silence`() {
        var watch = watch()
        #expect(watch.silence(since: 1e6, at: 50) == [])
    }

    @Test func `everything at once is said in the order of the list`() {
        let limits = with {
            $0.recycleOnMemory = true
            $0.maxAge = .seconds(1)
            $0.maxRequests = 1
        }
        var watch = watch()
        let bad = sample(100) {
            $0.memory = 900 * megabyte
            $0.heartbeat = start
            $0.requests = 5
        }
        #expect(
            watch.observed(bad, limits: limits) == [
                .memoryHigh(bytes: 900 * megabyte), .memoryOverLimit(bytes: 900 * megabyte),
                .tooMuchMemory(bytes: 900 * megabyte), .tooOld(age: .seconds(100)), .tooManyRequests(5),
                .hung(silentFor: .seconds(100)),
            ]
        )
    }
}
