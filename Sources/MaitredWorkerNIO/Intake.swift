// SPDX-License-Identifier: Apache-2.0

// Which event loop may take connections, when the poller looks for them, and when the server is done.
//
//            drain()                    last connection closed, no turn pending
//   taking ───────────> draining ──────────────────────────────────────────────> finished
//      │ masterLeft()      │ masterLeft()                                            ▲
//      └──────────────> takingRest ─────── the same, and every channel empty ────────┘
//
// 1. A turn is the right of one event loop to take a few connections. It is pending from the moment the loop is
//    asked until it has run: a loop that does not run its tasks is asked once and takes nothing.
// 2. While every loop has a turn pending, or the process has no descriptors left, the poller watches no channel:
//    a readable channel cannot make it spin.
// 3. While draining nothing is taken: the master hands what waits to others. When the master is gone there are no
//    others, so everything that waits is taken.

/// The decisions of a server: events in, answers out.
///
/// Time is CLOCK_MONOTONIC in nanoseconds.
struct Intake {
    /// How long one event loop is waited for before a second one is asked too, in nanoseconds.
    ///
    /// 1 ms: more than an idle loop needs to wake up, a hundredth of what the master calls a stall.
    static let patience: UInt64 = 1_000_000

    /// How long nothing is taken at the descriptor limit when no connection closes, in nanoseconds.
    static let limitPause: UInt64 = 100_000_000

    private enum Phase {
        /// Connections are taken.
        case taking
        /// None is taken; open ones are served.
        case draining
        /// The master is gone: what waits is taken, for nobody else can.
        case takingRest
        /// Nothing is left to do.
        case finished
    }

    /// What the poller does next.
    enum Watch: Equatable {
        /// Wait until one of these listeners' channels is readable.
        case listeners([Int])
        /// Ask a loop to take from these at once, readable or not.
        case ask([Int])
        /// Wait without looking at channels, at most until this time.
        case nothing(until: UInt64?)
        /// Leave.
        case stop
    }

    private var phase = Phase.taking
    private var isPending: [Bool]
    private var isOpen: [Bool]
    private var openConnections = 0

    /// The loop that was asked last; the next one is asked first.
    private var cursor: Int

    /// The loop that was asked last and until when nobody else is.
    private var asked: (loop: Int, until: UInt64)?

    /// Until when the process is thought to have no descriptor.
    private var limitedUntil: UInt64?

    /// Whether the poller looks at no channel, so that it must be woken when one may be looked at.
    private var isPollerParked = false

    init(loops: Int, listeners: Int) {
        isPending = Array(repeating: false, count: loops)
        isOpen = Array(repeating: true, count: listeners)
        cursor = loops - 1
    }

    /// Whether loops may be asked.
    private var mayTake: Bool { phase == .taking || phase == .takingRest }

    /// Whether the server stops: connections shall end.
    var isDraining: Bool { phase != .taking }

    // MARK: - The poller's events

    /// What to look at until the next event.
    mutating func watch(now: UInt64) -> Watch {
        if let until = limitedUntil, now >= until { limitedUntil = nil }
        if let asked, now >= asked.until { self.asked = nil }
        let watch = nextWatch()
        isPollerParked = if case .nothing = watch { true } else { false }
        return watch
    }

    private func nextWatch() -> Watch {
        if phase == .finished { return .stop }
        if !mayTake || !isPending.contains(false) { return .nothing(until: nil) }
        if let limitedUntil { return .nothing(until: limitedUntil) }
        if let asked { return .nothing(until: asked.until) }
        let listeners = isOpen.indices.filter { isOpen[$0] }
        return phase == .takingRest && !listeners.isEmpty ? .ask(listeners) : .listeners(listeners)
    }

    /// Whether a loop may take the next connection of its turn.
    ///
    /// - Parameter isDrainAsked: What the load page says, which is earlier than the master's message.
    /// - Returns: False while draining; true again when the master is gone.
    func mayTakeNext(isDrainAsked: Bool) -> Bool {
        phase == .takingRest || phase == .taking && !isDrainAsked
    }

    /// Connections wait: gives the next idle loop a turn.
    ///
    /// - Returns: The loop to ask, nil when none may be.
    mutating func askLoop(now: UInt64) -> Int? {
        guard mayTake else { return nil }
        for step in 1...isPending.count {
            let loop = (cursor + step) % isPending.count
            if isPending[loop] { continue }
            isPending[loop] = true
            cursor = loop
            asked = (loop, now + Self.patience)
            return loop
        }
        return nil
    }

    // MARK: - The event loops' events

    /// A connection was taken.
    mutating func took() {
        openConnections += 1
    }

    /// Nothing waits in a channel: for ever, when the master is gone.
    mutating func foundEmpty(listener: Int) {
        if phase == .takingRest { isOpen[listener] = false }
    }

    /// A channel's other end is closed and nothing waits in it.
    mutating func exhausted(listener: Int) {
        isOpen[listener] = false
    }

    /// A loop has run its turn.
    ///
    /// - Parameters:
    ///   - loop: Which one.
    ///   - isLimited: The turn ended because the process has no descriptor left.
    ///   - now: The time.
    /// - Returns: Whether the poller must be woken.
    mutating func turnEnded(loop: Int, isLimited: Bool, now: UInt64) -> Bool {
        isPending[loop] = false
        if asked?.loop == loop { asked = nil }
        if isLimited { limitedUntil = now + Self.limitPause }
        return finishIfDone() || isPollerParked
    }

    /// A connection was closed.
    ///
    /// - Returns: Whether the poller must be woken.
    mutating func closed() -> Bool {
        openConnections -= 1
        let mayGoOn = limitedUntil != nil
        limitedUntil = nil
        return finishIfDone() || mayGoOn
    }

    // MARK: - The end

    /// The server shall take no more.
    ///
    /// - Returns: Whether this is news.
    mutating func drain() -> Bool {
        guard phase == .taking else { return false }
        phase = .draining
        _ = finishIfDone()
        return true
    }

    /// The master is gone for good.
    ///
    /// - Returns: Whether the server did not drain yet.
    mutating func masterLeft() -> Bool {
        guard phase == .taking || phase == .draining else { return false }
        let isNews = phase == .taking
        phase = .takingRest
        _ = finishIfDone()
        return isNews
    }

    /// Ends the server when nothing is open, nothing waits, and no loop is about to take something.
    private mutating func finishIfDone() -> Bool {
        guard openConnections == 0, !isPending.contains(true) else { return false }
        switch phase {
        case .taking, .finished: return false
        case .takingRest where isOpen.contains(true): return false
        case .draining, .takingRest: phase = .finished
        }
        return true
    }
}
