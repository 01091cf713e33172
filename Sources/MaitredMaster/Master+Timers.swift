// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

extension Master {
    /// Does whatever is due, and finds out what is due next.
    func handleTimers(_ now: Instant) {
        clocks.wakeAt = .never
        if let tickAt = clocks.tickAt, now >= tickAt { tick(now) }
        if let netAt = clocks.netAt, now >= netAt { clocks.netAt = nil }
        if now >= clocks.sampleAt { sample(now) }
        if let control, now >= control.deadline { serveClients(now) }
        if let due = rollout.deadline, now >= due { perform(rollout.timePassed(at: now, slots: rolloutSlots), now) }
        if let statusAt = clocks.statusAt, now >= statusAt {
            clocks.statusAt = now + clocks.statusInterval
            sayMetrics(now)
        }
        if let watchdogAt = clocks.watchdogAt, let interval = clocks.watchdogInterval, now >= watchdogAt {
            clocks.watchdogAt = now + interval
            service.alive()
        }
        for worker in workers.values {
            // What it said in time counts, though its packets are read later in a turn.
            if worker.machine.phase == .starting, let end = worker.machine.deadline, now >= end {
                receivePackets(from: worker.id, now)
            }
            perform(worker.machine.timePassed(at: now), for: worker, now)
        }
        killDeparting(now)
        huntStrays(now)
        fillSlots(now)
        let pauseEnd = handoff.endPauses(now: now)
        watchListeners()
        wake(at: pauseEnd ?? .never)
        wake(at: nextDeadline)
    }

    /// The earliest moment at which anything is due.
    private var nextDeadline: Instant {
        var earliest = min(clocks.earliest, pool.deadline ?? .never)
        earliest = min(earliest, rollout.deadline ?? .never, control?.deadline ?? .never)
        for worker in workers.values { earliest = min(earliest, worker.machine.deadline ?? .never) }
        for group in departing { earliest = min(earliest, group.killAt ?? .never) }
        for hunt in hunts { earliest = min(earliest, hunt.at) }
        return min(earliest, shutdown.deadline ?? .never)
    }

    /// A turn that comes later than a whole stall timeout after its time: the machine slept, or this process did.
    ///
    /// It may have slept since the last turn, which is more than it is late by.
    func restartClocksIfLate(planned: Instant, lastTurn: Instant, now: Instant) {
        guard now.nanoseconds(since: planned) > clocks.lateNanoseconds else { return }
        emit(.master(.frozen(for: now - planned)), now)
        for worker in workers.values {
            worker.restartClocks(at: now, after: now - lastTurn)
        }
    }
}
