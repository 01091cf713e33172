// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredSystemd
internal import MaitredWire

// The master: one thread, one loop, no locks.
//
//      epoll ──> signals ──> exits ──> timers ──> clients ──> worker packets ──> accepts ──> settle ──┐
//        ^                                                                                            │
//        └────────────────────────────────────────────────────────────────────────────────────────────┘
//
// 1. The order of a turn is the order above, and every source has a bound: nobody can starve anybody.
// 2. Nothing in a turn waits but the epoll itself, and the rest before it, of less than a millisecond, while all workers
//    have work ahead.
// 3. Decisions are made by values (WorkerMachine, Pool, ProgressLadder, Balancer); the master carries them out.
// 4. It keeps nothing about a connection once that is handed over.
// 5. A time that is wanted is scheduled (`wake(at:)`); a turn that comes much later than the time it asked for means
//    that the whole machine slept, and restarts the workers' clocks.

/// The process that owns the listeners and the workers.
package final class Master {
    /// Events of one wait; more stay in the kernel for the next turn.
    private static let eventsPerTurn = 64

    let events: EventHub
    let epoll: Epoll
    let timer: TimerDescriptor
    let signals: SignalDescriptor
    let roster: Roster
    let handoff: Handoff
    /// Nil when the master accepts.
    let direct: DirectListeners?
    let places: PlaceWatch
    let launch: WorkerLaunch
    let output: WorkerOutput
    let workerSocket: WorkerSocket
    let control: ControlServer?
    let reread: ConfigurationReader
    let service: ServiceReport
    let startedAt: Instant

    var configuration: Configuration
    var pool: Pool
    var rollout: Rollout
    var spawners: [Int: WorkerSpawner]
    var lastReload = LastReload()
    var rates = Rates()
    var pending: [PendingAnswer] = []
    var handle: MasterHandle?
    var workers: [Int: WorkerHandle] = [:]
    var departing: [DepartingGroup] = []
    var hunts: [StrayHunt] = []
    var shutdown = Shutdown()
    var hasStartedAny = false
    var lastStartProblem: StartProblem?

    /// How the last worker ended that never was ready: "ended: exit code 1".
    var lastFailedStart: String?

    /// Whether a worker has been ready since the start.
    var isServing = false

    /// What workers counted that are gone.
    var departedRequests: UInt64 = 0
    var departedErrors: UInt64 = 0
    var departedLatency = LatencyHistogram()

    /// Whether the bound ended the last reaping: children may be left that no event will speak of again.
    var hasMoreExits = false
    var clocks: Clocks
    var controlReader = ControlReader()
    var exitCode: CInt?

    private var arrivals = Arrivals()

    /// Puts a master together from what start-up prepared.
    init(_ parts: MasterParts, configuration: Configuration) throws(SystemError) {
        let now = Instant.now
        self.configuration = configuration
        events = parts.events
        startedAt = now
        epoll = try Epoll(capacity: Self.eventsPerTurn)
        timer = try TimerDescriptor()
        signals = try SignalDescriptor(Self.handledSignals)
        roster = Roster(
            strategy: configuration.strategy.makeStrategy(seed: now.nanoseconds),
            queueDepth: configuration.queueDepth,
            maxConnections: configuration.maxConnections
        )
        handoff = Handoff(roster: roster, listeners: parts.listeners)
        direct = parts.direct
        places = try PlaceWatch()
        launch = parts.launch
        output = parts.output
        workerSocket = parts.workerSocket
        control = parts.control
        reread = parts.reread
        spawners = [1: parts.spawner]
        service = parts.service
        clocks = Clocks(
            now: now,
            stallTimeout: configuration.stallTimeout,
            statusInterval: configuration.statusInterval,
            watchdog: parts.service.watchdogInterval
        )
        pool = Pool(size: configuration.workers, policy: RestartPolicy(configuration), at: now)
        rollout = Rollout(spread: configuration.spread)
        try watchSources()
        broadcastEvents()
    }

    /// Serves until told to stop.
    ///
    /// - Returns: The exit status of the process: 0 when everything ended as asked.
    package func run() -> CInt {
        sayStart()
        while true {
            if let exitCode {
                // The only place that waits, for a terminal that takes nothing.
                output.finish(within: .seconds(1))
                closeControl()
                return exitCode
            }
            turn()
        }
    }

    /// One turn of the loop.
    private func turn() {
        let planned = clocks.wakeAt
        handoff.restIfSupplied()
        waitForArrivals(until: planned)
        let now = Instant.now
        restartClocksIfLate(planned: planned, lastTurn: clocks.turnBeganAt, now: now)
        clocks.turnBeganAt = now

        if arrivals.signals { handleSignals(now) }
        if arrivals.exits || hasMoreExits { reapExits(now) }
        if now >= clocks.wakeAt { handleTimers(now) }
        if arrivals.requests { serveClients(now) }
        if arrivals.letters { readLetters(now) }
        if arrivals.output { output.serve() }
        if arrivals.fetches || workerSocket.mustContinue { serveFetches(now) }
        for id in arrivals.control { receivePackets(from: id, now) }
        let isComplete = serve(now)
        settle(now, isComplete: isComplete)
    }

    /// Waits for events and sorts them by what they are about.
    private func waitForArrivals(until planned: Instant) {
        arrivals.clear()
        if clocks.mustSetTimer { timer.set(at: planned.nanoseconds) }
        // A moment that has come needs no timer: then the wait only looks.
        let count = epoll.wait(milliseconds: planned <= clocks.turnBeganAt ? 0 : -1)
        for index in 0..<count {
            let token = epoll.event(at: index).token
            switch Source(rawValue: token.kind) {
            case .signals: arrivals.signals = true
            case .exit: arrivals.exits = true
            case .control: arrivals.control.append(Int(token.identity))
            case .listener: handoff.noteReadable(listener: Int(token.identity))
            case .places: places.hasNews = true
            case .timer: clocks.timerFired()
            case .requests: arrivals.requests = true
            case .output: arrivals.output = true
            case .letters: arrivals.letters = true
            case .fetches: arrivals.fetches = true
            case nil: preconditionFailure("an event of a source that was never registered")
            }
        }
    }

    /// Looks at the workers and serves connections, when there is a reason to.
    ///
    /// - Returns: Whether everything that could be done was done.
    private func serve(_ now: Instant) -> Bool {
        guard hasReasonToServe else { return true }
        places.drain()
        roster.prepareToPick()
        if places.areListenersResting, roster.isAnyoneEligible { handoff.expectClients() }
        // On the way out a backlog is empty only when the kernel has said so.
        return handoff.serve(now: now, exhaustively: shutdown.isUnderWay)
    }

    private var hasReasonToServe: Bool {
        places.isWatching || handoff.isStashOccupied || handoff.hasDeparted || roster.revocableCount > 0
            || handoff.hasReadable
    }

    /// After the work: whoever broke leaves, who drains goes on, and the next reason to wake is made sure of.
    private func settle(_ now: Instant, isComplete: Bool) {
        dismissBroken(now)
        if handoff.exhaustion != nil { sayExhaustion(now) }
        advanceDraining(now)
        advanceShutdown(now)
        watchPlaces(now)
        scheduleTick(now)
        if !isComplete || hasMoreExits { wake(at: now) }
    }

    /// Says that something happened.
    func emit(_ event: Event, _ now: Instant) {
        events.emit(event, at: now)
    }

    /// Says that something happened to a worker.
    func emit(_ worker: WorkerHandle, _ event: WorkerEvent, _ now: Instant) {
        events.emit(.worker(worker.identity, event), at: now)
    }

    /// Makes sure that a turn begins at this moment at the latest.
    func wake(at moment: Instant) {
        // Not before this turn: a moment that has long passed would look as if the machine had slept since.
        clocks.wakeAt = min(clocks.wakeAt, max(moment, clocks.turnBeganAt))
    }
}

/// What an epoll event can be about; the kind in its token.
enum Source: UInt8 {
    /// The signalfd.
    case signals = 1
    /// A pidfd; the identity is the worker's id.
    case exit
    /// A control channel; the identity is the worker's id.
    case control
    /// A listener; the identity is its index.
    case listener
    /// The inner epoll of all channels: somebody took something.
    case places
    /// The timer: something is due.
    case timer
    /// The control socket and its clients.
    case requests
    /// What workers write to the terminal.
    case output
    /// Commands of other threads of this program.
    case letters
    /// Processes of workers that lost their descriptors.
    case fetches

    /// The token of one thing of this kind.
    func token(_ identity: Int = 0) -> EpollToken {
        EpollToken(kind: rawValue, identity: UInt64(identity))
    }
}

/// What one wait brought.
private struct Arrivals {
    var signals = false
    var exits = false
    var requests = false
    var output = false
    var letters = false
    var fetches = false
    var control: [Int] = []

    mutating func clear() {
        signals = false
        exits = false
        requests = false
        output = false
        letters = false
        fetches = false
        if !control.isEmpty { control.removeAll(keepingCapacity: true) }
    }
}

extension Instant {
    /// The monotonic clock, now.
    static var now: Instant { Instant(nanoseconds: MonotonicClock.nanoseconds()) }
}

extension Distribution {
    /// Who chooses; where the master does not, somebody whom nobody will ask.
    fileprivate func makeStrategy(seed: UInt64) -> any BalancingStrategy {
        switch self {
        case .chosen(let name): name.makeStrategy(seed: seed)
        case .kernel, .reuseport: RoundRobin()
        }
    }
}

extension RestartPolicy {
    /// The policy that a configuration asks for.
    init(_ configuration: Configuration) {
        self.init(
            restartDelay: configuration.restartDelay,
            minimumUptime: configuration.minUptime,
            maximumRestarts: configuration.maxRestarts
        )
    }
}
