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

    /// One channel per listener, at the listener's index.
    let channels: [HandoffChannel]

    /// What the worker's processes say of themselves.
    let page: LoadPage

    /// What waits in the channels.
    var queue = QueueCount()

    /// When the queue last became non-empty.
    var queuedSince = Instant.never

    /// Whether the worker takes what it is given.
    var progress = ProgressLadder()

    /// The channel that holds a knock of ours, nil when none does.
    private(set) var knockedChannel: Int?

    /// Whether a bell may be sent: at most one for each time the doorbell was armed.
    private var isBellDue = false

    /// The kernel refused a hand for good: the worker shut its end down.
    var isBroken = false

    /// Links a worker.
    init(id: Int, slot: Int, channels: [HandoffChannel], page: LoadPage) {
        self.id = id
        self.slot = slot
        self.channels = channels
        self.page = page
    }

    /// Connections that wait in the channels, as the kernel counts.
    ///
    /// Notices a knock that was taken.
    func waiting() -> Int {
        var waiting = 0
        for (index, channel) in channels.enumerated() {
            let packets = channel.waiting
            if index == knockedChannel {
                if packets == 0 { knockedChannel = nil }
                waiting += max(0, packets - 1)
            } else {
                waiting += packets
            }
        }
        return waiting
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

    /// Sets the own count to the kernel's.
    func reconcile() {
        queue.reconcile(waiting: waiting())
    }

    /// Leaves a knock in the channel of a listener, unless one lies somewhere already.
    func knock(channel index: Int) {
        guard knockedChannel == nil, channels[index].knock() == .sent else { return }
        knockedChannel = index
    }

    /// The master took its own knock back, with what lay before and after it.
    func knockCameBack() {
        knockedChannel = nil
    }
}
