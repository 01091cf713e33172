// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MaitredSystem
import Synchronization

/// One thread of a run: an epoll, its share of the connections and of the schedule, and what it found.
///
/// A request's way:
///
/// ```
///           due, and a place is free        written                   answer is whole
///   (none) ─────────────────────────> open ─────────> awaiting ─────────────────────────> (none)
///                                      │  ^              │
///                     backlog is full  v  │ pause        │ closed without a byte, on a connection used before: once
///                                    paused   open <─────┘
/// ```
///
/// 1. In an open loop nothing shifts the schedule. While no place is free its next moment stays in the past, so the
///    schedule itself is the queue of what waits.
/// 2. A socket is in the epoll from its first request to its close, edge-triggered; nothing changes its registration.
///    So whoever stops reading before the kernel has no more must ask for another event (`rearm`).
/// 3. A request is written before anybody asks whether the connection is there: on the loopback interface it is.
/// 4. In the steady state nothing is allocated.
struct LoadThread: ~Copyable {
    /// How often deadlines are looked at and numbers published.
    static let sweepInterval: UInt64 = 50_000_000
    /// How long a connection of a closed loop waits after a failure, and any whose server has a full backlog: long
    /// enough not to spin, short for a server that restarts.
    static let pause: UInt64 = 5_000_000
    /// Reads from one connection before others have their turn: a mebibyte.
    static let readsPerEvent = 16
    /// A request that was begun so much after it was due is late.
    static let lateness: UInt64 = 1_000_000

    let task: LoadTask
    let board: LoadBoard
    let measuredFrom: UInt64
    let end: UInt64
    let isClosedLoop: Bool
    let keepsAlive: Bool
    let resets: Bool
    let timeout: UInt64

    let epoll: Epoll
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var schedule: Schedule
    var mix: RequestMix

    /// All places that were needed so far, at most `task.connections`.
    var connections: [Connection] = []
    /// Places of an open loop that are not in use, the last used at the end: it is the likeliest to be connected.
    var free: [Int] = []
    /// When a place became free after none was.
    var freeSince: UInt64
    /// Places that wait, and until when.
    var pauses = Deque<(until: UInt64, index: Int)>()

    /// The clock, read when something begins or ends.
    var now: UInt64
    var nextSweep: UInt64
    var found: LoadResult
    /// What was published of `found`.
    var published = (answered: UInt64(0), failed: UInt64(0))

    /// Makes everything ready before the start.
    init(_ task: LoadTask, _ board: LoadBoard) throws(SystemError) {
        self.task = task
        self.board = board
        measuredFrom = task.measuredFrom
        end = task.end
        if case .closed = task.plan.pace { isClosedLoop = true } else { isClosedLoop = false }
        keepsAlive = task.plan.keepsAlive
        resets = task.plan.resetsConnections
        timeout = task.plan.timeout.nanoseconds
        let stream = UInt64(task.share.index) * 2
        let ramp = task.plan.ramp.nanoseconds
        let seed = task.plan.seed
        let random = SplitMix64(seed: seed, stream: stream)
        schedule = Schedule(task.plan.pace, ramp: ramp, share: task.share, random: random)
        mix = RequestMix(task.plan, random: SplitMix64(seed: seed, stream: stream + 1))
        freeSince = task.start
        now = MonotonicClock.nanoseconds()
        nextSweep = task.start + Self.sweepInterval
        found = LoadResult(seconds: task.plan.duration)
        // Last: nothing may throw once a part that cannot be copied is there.
        epoll = try Epoll(capacity: 64)
    }

    /// Runs to the end of the time, or until it is stopped.
    mutating func run() -> LoadResult {
        sharpenTimers()
        var cpuTime: UInt64?
        while true {
            now = MonotonicClock.nanoseconds()
            if now >= measuredFrom, cpuTime == nil { cpuTime = ThreadClock.nanoseconds() }
            if now >= nextSweep { sweep() }
            if now >= end || board.isStopped.load(ordering: .relaxed) { break }
            sendDue()
            let wake = min(min(nextMoment, end), cpuTime == nil ? measuredFrom : .max)
            let count = epoll.wait(nanoseconds: wake > now ? wake - now : 0)
            now = MonotonicClock.nanoseconds()
            for index in 0..<count where now < end {
                let (token, readiness) = epoll.event(at: index)
                handle(token, readiness)
                if !isClosedLoop { sendDue() }
            }
        }
        finish(at: min(now, end), cpuTime: cpuTime)
        return found
    }

    /// When something is to be done though nothing happens.
    private var nextMoment: UInt64 {
        var moment = min(nextSweep, pauses.first?.until ?? .max)
        if isClosedLoop {
            if connections.count < task.connections {
                moment = min(moment, task.begin(ofConnection: connections.count))
            }
        } else if hasFreePlace {
            moment = min(moment, nextDue)
        }
        return moment
    }

    /// When the next request of an open loop is due, by the clock; .max when that is not in this run.
    var nextDue: UInt64 {
        let (moment, overflow) = task.start.addingReportingOverflow(schedule.next)
        return overflow || moment >= end ? .max : moment
    }

    var hasFreePlace: Bool { !free.isEmpty || connections.count < task.connections }

    /// Begins what is due and has a place.
    private mutating func sendDue() {
        while let first = pauses.first, first.until <= now {
            pauses.removeFirst()
            resume(connections[first.index])
        }
        if isClosedLoop {
            while connections.count < task.connections, task.begin(ofConnection: connections.count) <= now {
                begin(newPlace(), intended: now)
            }
        } else {
            // Those that found no place in all their time are not sent any more.
            while nextDue <= now, now - nextDue >= timeout {
                countFailure(.timeout, intended: nextDue)
                schedule.advance()
            }
            while nextDue <= now, let place = takeFreePlace() {
                let intended = nextDue
                schedule.advance()
                noteLateness(intended)
                begin(place, intended: intended)
                // Many that are due at once take their time.
                now = MonotonicClock.nanoseconds()
            }
        }
    }

    /// Notes that a request was begun late although there was a place for it.
    private mutating func noteLateness(_ intended: UInt64) {
        let couldBegin = max(intended, freeSince)
        guard intended >= measuredFrom, now >= couldBegin + Self.lateness else { return }
        found.late += 1
        found.latestBy = max(found.latestBy, .nanoseconds(now - couldBegin))
    }

    private mutating func newPlace() -> Connection {
        let place = Connection(index: connections.count)
        connections.append(place)
        return place
    }

    private mutating func takeFreePlace() -> Connection? {
        if let index = free.popLast() { return connections[index] }
        return connections.count < task.connections ? newPlace() : nil
    }

    private mutating func resume(_ place: Connection) {
        guard place.isPaused else { return }
        place.isPaused = false
        if place.exchange == nil {
            begin(place, intended: now)
        } else {
            open(place)
        }
    }

    /// Lets a place wait a little.
    mutating func pause(_ place: Connection) {
        place.isPaused = true
        pauses.append((now + Self.pause, place.index))
    }

    /// Fails what has waited too long, and publishes.
    private mutating func sweep() {
        nextSweep = now + Self.sweepInterval
        for place in connections {
            if let exchange = place.exchange, exchange.deadline <= now { fail(place, .timeout) }
        }
        publish()
    }

    private mutating func publish() {
        let failed = found.failed
        board.answered.wrappingAdd(found.answered - published.answered, ordering: .relaxed)
        board.failed.wrappingAdd(failed - published.failed, ordering: .relaxed)
        published = (found.answered, failed)
    }

    /// Closes everything, and counts what had no answer.
    private mutating func finish(at end: UInt64, cpuTime: UInt64?) {
        for place in connections {
            if let exchange = place.exchange, exchange.intended >= measuredFrom { found.unfinished += 1 }
            place.exchange = nil
            place.close(byReset: false)
        }
        while nextDue < end {
            if nextDue >= measuredFrom { found.unfinished += 1 }
            schedule.advance()
        }
        found.time = .nanoseconds(end > measuredFrom ? end - measuredFrom : 0)
        if let cpuTime { found.cpuTime = .nanoseconds(ThreadClock.nanoseconds() - cpuTime) }
        publish()
    }
}
