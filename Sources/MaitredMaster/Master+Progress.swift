// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredConfig
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
            if roster.links[index].progress.isBusy {
                lookForProgress(at: index, now)
            } else {
                lookForStall(at: index, now)
            }
        }
    }

    private func lookForStall(at index: Int, _ now: Instant) {
        let link = roster.links[index]
        let mustAsk = link.progress.observed(
            queued: link.queue.queued,
            queuedSince: link.queuedSince,
            taken: link.queue.taken,
            stallTimeout: configuration.stallTimeout,
            at: now
        )
        guard mustAsk else { return }
        let expected = link.queue.queued
        roster.settle(at: index)
        guard link.progress.verified(waiting: link.queue.queued, expected: expected, at: now) else { return }
        roster.setBusy(true, at: index)
        log.notice(
            "worker \(link.id) is busy: it takes nothing",
            metadata: [
                "worker": "\(link.id)", "slot": "\(link.slot)", "queued": "\(link.queue.queued)",
                "since": "\((now - (link.progress.busySince ?? now)).shortText)",
            ]
        )
    }

    /// A busy worker is back when it took the knock, or something of its queue.
    private func lookForProgress(at index: Int, _ now: Instant) {
        let link = roster.links[index]
        let wasKnocked = link.knockedChannel != nil
        let expected = link.queue.queued
        roster.settle(at: index)
        let tookKnock = wasKnocked && link.knockedChannel == nil
        // What the page reports has lowered the count before this look, so the report itself is asked for as well.
        if tookKnock || link.queue.queued < expected || link.progress.hasTaken(link.queue.taken) {
            guard let busyFor = link.progress.progressed(at: now) else { return }
            roster.setBusy(false, at: index)
            log.notice(
                "worker \(link.id) takes again",
                metadata: [
                    "worker": "\(link.id)", "slot": "\(link.slot)", "busy-for": "\(busyFor.shortText)",
                ]
            )
        } else if link.queue.queued == 0 {
            link.knock(channel: 0)
        }
    }
}
