// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise

// The first step of the progress ladder: a worker that takes nothing for the stall timeout is busy. It leaves the
// rotation, its queue goes to others as soon as others have room, and a knock in its channel tells when it is back.

extension Master {
    /// Lets the tick run while any channel holds a packet, and not otherwise.
    func scheduleTick(_ now: Instant) {
        guard clocks.tickAt == nil, roster.isAnythingQueued else { return }
        let tickAt = now + configuration.stallTimeout / 2
        clocks.tickAt = tickAt
        wake(at: tickAt)
    }

    /// Looks at the progress of every worker; runs at half the stall timeout.
    func tick(_ now: Instant) {
        clocks.tickAt = nil
        roster.look()
        for index in roster.links.indices {
            if roster.balancer.table.workers[index].isHeld { continue }
            if roster.links[index].progress.isBusy {
                lookForProgress(at: index, now)
            } else {
                lookForStall(at: index, now)
            }
        }
    }

    private func lookForStall(at index: Int, _ now: Instant) {
        let link = roster.links[index]
        let stallTimeout = configuration.stallTimeout
        let mustAsk = link.progress.observed(
            queued: link.queue.queued,
            queuedSince: link.queuedSince,
            taken: link.queue.taken,
            stallTimeout: stallTimeout,
            at: now
        )
        if mustAsk {
            let expected = link.queue.queued
            roster.settle(at: index)
            guard link.progress.verified(waiting: link.queue.queued, expected: expected, at: now) else { return }
        } else {
            // With one channel the counters say it all. With several, one may stand still while another goes on.
            guard link.channels.count > 1, link.queue.queued > 0 else { return }
            guard link.hasStuckChannel(for: stallTimeout, at: now) else { return }
            link.progress.stoodStill(since: now, taken: link.queue.taken)
        }
        roster.setBusy(true, at: index)
        guard let worker = workers[link.id] else { return }
        let since = link.progress.busySince ?? now
        emit(worker, .busy(queued: link.queue.queued, for: now - since), now)
    }

    /// A busy worker is back when it took a knock, or something of its queue.
    private func lookForProgress(at index: Int, _ now: Instant) {
        let link = roster.links[index]
        let knocked = link.knockedChannels.count
        let expected = link.queue.queued
        roster.settle(at: index)
        // While knocks are out only they count: a report that comes late speaks of what was taken before.
        // What the page reports has lowered the count before this look, so the report itself is asked for as well.
        let hasTaken = link.queue.queued < expected || link.progress.hasTaken(link.queue.taken)
        if knocked > 0 ? link.knockedChannels.count < knocked : hasTaken {
            guard let busyFor = link.progress.progressed(at: now) else { return }
            roster.setBusy(false, at: index)
            if let worker = workers[link.id] { emit(worker, .back(busyFor: busyFor), now) }
        } else if link.queue.queued == 0 {
            link.knock()
            if link.isBroken { handoff.hasBroken = true }
        }
    }
}
