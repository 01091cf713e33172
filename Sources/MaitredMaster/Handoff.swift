// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// The way of a connection through the master: accept one, hand one.
//
//      listener ──accept──> hand ──pick──> channel of the worker chosen
//                            ^ │
//                            │ └──nobody can take it──> stash (of one)
//      channels of workers that left, are busy or drain ──take back──> hand
//
// 1. The master has at most one connection in hand: what was accepted or taken back is given away, or stashed, before
//    the next is touched. While the stash is occupied nothing is accepted and nothing taken back.
// 2. Order of accept: the stash first, then what is taken back, oldest first, then what is accepted.
// 3. Whether anybody is eligible is asked before an accept, never after: nobody eligible means the kernel queues.
// 4. Every step is bounded (`Handoff.stepsPerTurn`); none waits.
// 5. While every worker has work ahead, connections are let come together in the backlog, or places in the channels
//    (`RestLength`): one wakeup for several costs less than one for each, and nobody is kept waiting by it.
// 6. A channel is an object of its own: it leaves the books when its worker is gone and it is empty.

/// Accepts, chooses, hands over and takes back.
///
/// Knows links and listeners, no processes.
final class Handoff {
    /// Accepts and take-backs in one turn of the loop.
    ///
    /// Bounds what a flood of connections can delay, at about half a millisecond.
    static let stepsPerTurn = 64

    /// How long a listener rests after the kernel had no descriptors or memory.
    static let exhaustionPause = Duration.milliseconds(100)

    /// With so many connections waiting for each worker, nobody runs out of work in a rest.
    ///
    /// The shortest takes a tenth of a millisecond at most as a rule, so whoever did would serve 30,000 a second alone.
    static let restDepth = 3

    /// The workers.
    let roster: Roster

    /// Open listeners, each known by its index, not its place here; empty once the master stops.
    private(set) var listeners: [Listener]

    /// What has been counted since the start.
    private(set) var counts = HandoffCounts()

    /// Why nothing can be accepted or taken back for now, for the log.
    private(set) var exhaustion: CInt?

    /// Whether a link was found broken since this was last set to false.
    var hasBroken = false

    private var stash: Stash?
    private var departed: [HandoffChannel] = []
    private var burst = AcceptBurst()
    private var burstAfterRest = AcceptBurst()
    private var restLength = RestLength()
    private var hasRested = false

    /// `counts.accepted` at the last rest.
    private var acceptedBeforeRest: UInt64 = 0
    private var nextListener = 0
    private var packet = HandoffPacket()
    private var returned = HandoffPacket()

    /// Serves listeners from the workers of a roster.
    init(roster: Roster, listeners: [Listener]) {
        self.roster = roster
        self.listeners = listeners
    }

    /// Whether a connection that nobody could take waits in the master.
    var isStashOccupied: Bool { stash != nil }

    /// Whether somebody may wait at a listener.
    var hasReadable: Bool {
        for listener in listeners where listener.isReadable && listener.hasTaker { return true }
        return false
    }

    /// Connections that wait in channels of workers that are gone.
    var departedCount: Int { departed.reduce(0) { $0 + $1.waiting } }

    /// Whether channels of workers that are gone still hold connections.
    var hasDeparted: Bool { !departed.isEmpty }

    /// One turn's work: the stash, what is to be taken back, then new connections.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - exhaustively: Whether to accept until the kernel has no more, instead of as many as it is expected to have.
    /// - Returns: Whether everything that could be done was done; false when the bound ended it.
    func serve(now: Instant, exhaustively: Bool) -> Bool {
        guard emptyStash(now: now) else { return true }
        let left = takeBack(steps: Self.stepsPerTurn, now: now)
        if exhaustively { return accept(steps: left, now: now) > 0 }
        guard hasReadable else { return left > 0 }
        defer { hasRested = false }
        return hasRested
            ? accept(&burstAfterRest, atMost: left, now: now)
            : accept(&burst, atMost: left, now: now)
    }

    /// Lets connections come together in the backlog, or places in the channels, when that keeps nobody waiting.
    ///
    /// To be asked before the loop waits: only after something was accepted, so that a quiet master rests once at most.
    ///
    /// - Returns: Whether it rested.
    @discardableResult
    func restIfSupplied() -> Bool {
        guard counts.accepted != acceptedBeforeRest, stash == nil, !hasDeparted, roster.revocableCount == 0,
            let queued = roster.leastQueued(enough: Self.restDepth)
        else { return false }
        acceptedBeforeRest = counts.accepted
        hasRested = true
        MonotonicClock.rest(nanoseconds: restLength.nanoseconds)
        roster.look()
        restLength.rested(before: queued, after: roster.balancer.table.leastQueued ?? 0)
        return true
    }

    /// Somebody has a place again: whoever waits meanwhile was not reported, so accepting is how to find out.
    func expectClients() {
        for listener in listeners { listener.isReadable = true }
    }

    // MARK: - Accept and hand

    /// Accepts as many as are expected to wait.
    private func accept(_ burst: inout AcceptBurst, atMost left: Int, now: Instant) -> Bool {
        if burst.size > left { return accept(steps: left, now: now) > 0 }
        _ = accept(steps: burst.size, now: now)
        if hasReadable {
            burst.wasFull()
            forgetReadable()
        } else {
            burst.fellShort()
        }
        return true
    }

    private func accept(steps: Int, now: Instant) -> Int {
        var left = steps
        var moment = now
        while left > 0, stash == nil, roster.isAnyoneEligible, let listener = nextReadable(now: now) {
            left -= 1
            let sequence = counts.accepted
            switch packet.accept(from: listener.socket, listener: listener.index, sequence, at: moment.nanoseconds) {
            case .accepted(let connection):
                counts.accepted &+= 1
                hand(connection, packet, now: now)
                if left > 0 { moment = .now }
            case .wouldBlock:
                listener.isReadable = false
            case .connectionFailed:
                counts.failed &+= 1
            case .exhausted(let errno):
                exhaustion = errno
                listener.pausedUntil = now + Self.exhaustionPause
            }
        }
        return left
    }

    /// Whoever still waits is reported again: the listeners are watched level-triggered.
    private func forgetReadable() {
        for listener in listeners { listener.isReadable = false }
    }

    /// The next listener that has something to accept, each in its turn.
    private func nextReadable(now: Instant) -> Listener? {
        for offset in 0..<listeners.count {
            let index = (nextListener + offset) % listeners.count
            let listener = listeners[index]
            if listener.isReadable, listener.hasTaker, listener.pausedUntil == nil {
                nextListener = index + 1
                return listener
            }
        }
        return nil
    }

    /// Gives one connection to the worker chosen, to another if that one's channel is full, or stashes it.
    private func hand(_ connection: consuming Descriptor, _ packet: HandoffPacket, now: Instant) {
        let client = packet.client.map { ClientAddress(high: $0.high, low: $0.low) }
        let facts = ConnectionFacts(client: client, listener: packet.listener)
        while let index = roster.balancer.pick(for: facts) {
            guard let channel = roster.links[index].routes[packet.listener] else {
                roster.balancer.table.setRefusing(true, at: index)
                continue
            }
            switch roster.links[index].channels[channel].hand(packet, connection) {
            case .sent:
                counts.handed &+= 1
                roster.handed(at: index, now: now)
                return
            case .wouldBlock:
                roster.balancer.table.setRefusing(true, at: index)
            case .tooManyInFlight:
                stash = Stash(connection: connection, packet: packet)
                return
            case .closed:
                roster.links[index].isBroken = true
                hasBroken = true
                roster.balancer.table.setRefusing(true, at: index)
            }
        }
        stash = Stash(connection: connection, packet: packet)
    }

    /// Tries to give away what nobody could take before; true when the stash is empty.
    private func emptyStash(now: Instant) -> Bool {
        guard roster.isAnyoneEligible, let held = stash.take() else { return stash == nil }
        let packet = held.packet
        // Whoever took such connections is gone, and would keep all others waiting: this one ends here.
        guard roster.takes(listener: packet.listener) else {
            counts.refused &+= 1
            return true
        }
        hand(held.release(), packet, now: now)
        return stash == nil
    }

    /// Finds out for each listener whether some worker takes what comes there.
    func findTakers() {
        for listener in listeners { listener.hasTaker = roster.takes(listener: listener.index) }
    }

    // MARK: - Take back

    /// Keeps the channels of a worker that is gone until they are empty, and what it counted.
    func depart(_ link: WorkerLink) {
        let waiting = link.waiting()
        let taken = link.page.read().taken
        // A worker can count what it likes: it took no more than it was given, and never less than nothing is lost.
        let believed = link.believedTakes(taken)
        counts.takenByDeparted = counts.takenByDeparted.addingSaturated(believed)
        let known = link.takenBack &+ UInt64(waiting) &+ min(taken, link.handed)
        counts.lost &+= link.handed > known ? link.handed - known : 0
        // A knock alone is nobody's.
        guard waiting > 0 else { return }
        departed.append(contentsOf: link.channels.filter { $0.waiting > 0 })
    }

    private func takeBack(steps: Int, now: Instant) -> Int {
        guard hasDeparted || roster.revocableCount > 0 else { return steps }
        var left = steps
        while left > 0, stash == nil, roster.isAnyoneEligible, let source = oldestSource() {
            left -= 1
            if let errno = source.channel.takeBackObstacle() {
                exhaustion = errno
                break
            }
            switch source.channel.takeBack(into: &returned) {
            case .connection(let connection):
                if let link = source.link { roster.tookBack(from: link) }
                counts.takenBack &+= 1
                hand(connection, returned, now: now)
            case .knock:
                source.link?.knockCameBack(from: source.channel)
            case .refused:
                if let link = source.link { roster.tookBack(from: link) }
                counts.refused &+= 1
            case .empty:
                forget(source)
            }
        }
        return left
    }

    private struct Source {
        let channel: HandoffChannel
        let link: WorkerLink?
    }

    /// Of all channels that are to be emptied, the one whose head was accepted first.
    private func oldestSource() -> Source? {
        var sources = departed.map { Source(channel: $0, link: nil) }
        for (index, link) in roster.links.enumerated() where link.queue.queued > 0 && roster.isRevocable(at: index) {
            sources += link.channels.map { Source(channel: $0, link: link) }
        }
        if sources.count < 2 { return sources.first }
        return sources.min { ($0.channel.oldestSequence() ?? .max) < ($1.channel.oldestSequence() ?? .max) }
    }

    /// A channel had nothing: a departed one leaves the books, a living worker's count is set right.
    private func forget(_ source: Source) {
        departed.removeAll { $0 === source.channel }
        if let link = source.link, let index = roster.index(of: link.id) { roster.settle(at: index) }
    }

    // MARK: - Listeners

    /// The loop was told that somebody waits at a listener.
    ///
    /// One that was closed meanwhile is not found.
    func noteReadable(listener index: Int) {
        listeners.first { $0.index == index }?.isReadable = true
    }

    /// Ends the pauses whose time has come.
    ///
    /// - Returns: The earliest moment at which another ends, nil when none rests.
    func endPauses(now: Instant) -> Instant? {
        var next: Instant?
        for listener in listeners {
            guard let until = listener.pausedUntil else { continue }
            if now >= until { listener.pausedUntil = nil } else { next = min(next ?? until, until) }
        }
        return next
    }

    /// Forgets why the last pause began, once it has been said.
    func clearExhaustion() {
        exhaustion = nil
    }

    /// Closes the listeners that are done, when the master stops.
    ///
    /// The others keep their index, which is what epoll knows them by.
    func closeListeners(where isDone: (Listener) -> Bool) {
        listeners.removeAll { listener in
            guard isDone(listener) else { return false }
            listener.socket.removeFile()
            return true
        }
    }
}

/// What a master has done with connections since it started.
struct HandoffCounts: Equatable {
    /// Accepted from listeners.
    var accepted: UInt64 = 0
    /// Sent into channels, re-hands included.
    var handed: UInt64 = 0
    /// Taken back from workers that did not take them.
    var takenBack: UInt64 = 0
    /// Gone before they could be accepted.
    var failed: UInt64 = 0
    /// Taken by workers that are gone, by their own count.
    var takenByDeparted: UInt64 = 0
    /// Gone from a channel of a worker that died before it counted them.
    var lost: UInt64 = 0
    /// Found in a channel and not usable (lost descriptors, which only a faulty kernel or worker can cause), or accepted for
    /// a listener that only a worker took from which is gone.
    var refused: UInt64 = 0
}

/// The one connection that nobody could take.
private struct Stash: ~Copyable {
    let connection: Descriptor
    let packet: HandoffPacket

    consuming func release() -> Descriptor {
        connection
    }
}
