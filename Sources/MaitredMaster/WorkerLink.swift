// SPDX-License-Identifier: Apache-2.0

internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

/// What the master hands connections through to one worker, and what it knows of their way.
///
/// No process, no life.
final class WorkerLink {
    /// The worker's number, never used again.
    let id: Int

    /// The worker's place in the pool.
    let slot: Int

    /// One channel per listener, at the listener's index; none where workers accept by themselves.
    let channels: [HandoffChannel]

    /// Through which channel a listener's connections go, by the listener's index; nil: the program has not opened it.
    private(set) var routes: [Int?]

    /// Whether the program has said where it listens: until then it takes from every channel.
    private var hasSaidWhere = false

    /// Listeners of the worker's own, where it has such.
    let listeners: [Listener]

    /// What the worker's processes say of themselves.
    let page: LoadPage

    /// What waits in the channels.
    var queue = QueueCount()

    /// Connections given to it.
    var handed: UInt64 = 0

    /// Connections taken back from it.
    var takenBack: UInt64 = 0

    /// When the queue last became non-empty.
    var queuedSince = Instant.never

    /// Whether the worker takes what it is given.
    var progress = ProgressLadder()

    /// The channels that hold a knock of ours, as far as is known: `waiting()` looks.
    private(set) var knockedChannels: Set<Int> = []

    /// What was oldest in each channel when its progress was last looked at, and since when.
    private var heads: [Int: Head] = [:]

    private struct Head {
        let sequence: UInt64
        let since: Instant
    }

    /// Whether a bell may be sent: at most one for each time the doorbell was armed.
    private var isBellDue = false

    /// The kernel refused a hand for good: the worker shut its end down.
    var isBroken = false

    /// Links a worker.
    init(id: Int, slot: Int, channels: [HandoffChannel], listeners: [Listener] = [], page: LoadPage) {
        self.id = id
        self.slot = slot
        self.channels = channels
        routes = channels.indices.map { $0 }
        self.listeners = listeners
        self.page = page
    }

    /// Connections that wait in the channels, as the kernel counts.
    ///
    /// Notices knocks that were taken.
    func waiting() -> Int {
        var waiting = 0
        for (index, channel) in channels.enumerated() {
            waiting += channel.waiting
            guard knockedChannels.contains(index) else { continue }
            if channel.isKnockOldest { waiting -= 1 } else { knockedChannels.remove(index) }
        }
        return max(0, waiting)
    }

    /// Whether something has been the oldest in a channel for so long: that listener's connections are not taken.
    ///
    /// For workers with several listeners, of which one may stand still while another goes on. To be asked at every tick.
    func hasStuckChannel(for limit: Duration, at now: Instant) -> Bool {
        var isStuck = false
        for (index, channel) in channels.enumerated() {
            let isOnlyKnocked = knockedChannels.contains(index) && channel.waiting <= 1
            guard !isOnlyKnocked, let sequence = channel.oldestSequence() else {
                heads[index] = nil
                continue
            }
            if let head = heads[index], head.sequence == sequence {
                isStuck = isStuck || now - head.since >= limit
            } else {
                heads[index] = Head(sequence: sequence, since: now)
            }
        }
        return isStuck
    }

    /// The whole machine slept: what was not taken meanwhile is nobody's fault.
    func restartClocks(at now: Instant) {
        progress.restartClocks(at: now)
        queuedSince = now
        heads = [:]
    }

    /// Asks the worker for a bell at its next close, or no longer.
    func setDoorbell(_ isArmed: Bool) {
        page.setDoorbell(isArmed)
        isBellDue = isBellDue || isArmed
    }

    /// A bell came.
    ///
    /// - Returns: Whether it was asked for.
    func rang() -> Bool {
        defer { isBellDue = false }
        return isBellDue
    }

    /// Lets nobody come to the worker's own listeners any more.
    func stopListening() {
        guard !listeners.isEmpty else { return }
        // First: a worker that finds its listener closed must know why.
        page.setDrain()
        for listener in listeners { listener.socket.stopListening() }
    }

    /// Sets the own count to the kernel's.
    func reconcile() {
        queue.reconcile(waiting: waiting())
    }

    /// The takes that a worker may have reported: no more than it was given, where it is given any.
    func believedTakes(_ reported: UInt64) -> UInt64 {
        channels.isEmpty ? reported : min(reported, handed)
    }

    /// Whether it takes what comes to a listener; where workers accept by themselves, by their word.
    func takes(listener: Int) -> Bool {
        routes.indices.contains(listener) && routes[listener] != nil
    }

    /// The program has opened a listener.
    ///
    /// - Parameters:
    ///   - entrance: The listener whose channel it takes from; one that does not exist is ignored.
    ///   - others: Listeners whose clients are for it too, unless it opens those as well.
    func opened(_ entrance: Int, for others: (Int) -> Bool) {
        guard channels.indices.contains(entrance) else { return }
        if !hasSaidWhere {
            hasSaidWhere = true
            routes = routes.map { _ in nil }
        }
        routes[entrance] = entrance
        for index in routes.indices where routes[index] == nil && others(index) { routes[index] = entrance }
    }

    /// Leaves a knock in every empty channel that is taken from: whichever the worker takes first proves that it takes.
    func knock() {
        for (index, channel) in channels.enumerated() where routes.contains(index) && channel.waiting == 0 {
            switch channel.knock() {
            case .sent: knockedChannels.insert(index)
            case .closed: isBroken = true
            case .wouldBlock, .tooManyInFlight: break
            }
        }
    }

    /// The master took its own knock back out of a channel.
    func knockCameBack(from channel: HandoffChannel) {
        guard let index = channels.firstIndex(where: { $0 === channel }) else { return }
        knockedChannels.remove(index)
    }
}
