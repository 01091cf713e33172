// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Stopping, in the order that loses nothing:
//
//      running ──SIGTERM, SIGINT──> emptying ──> draining ──> gone
//                                      │            │
//                                      └── again ───┴── again: the next step at once, SIGKILL at the last
//
//      emptying   no slot is filled any more; what waits in the backlogs is accepted, then each listener closes;
//                 workers stay in the rotation until every channel is empty. Where workers accept, it lasts until nobody
//                 waits, and then their listeners close
//      draining   every worker is drained, stopped, killed as its machine says
//      gone       no worker and no group is left: exit 0, or 1 when SIGKILL was needed

/// Where the master is on its way out.
struct Shutdown {
    /// The steps.
    enum Stage {
        /// Serving.
        case running
        /// Accepting what already waits, handing over what is queued.
        case emptying(deadline: Instant, drainedBy: Instant)
        /// Waiting for the workers to end.
        case draining
    }

    /// The step it is at.
    var stage = Stage.running

    /// Whether a worker had to be killed since it began.
    var neededKill = false

    /// Whether nothing could be served any more: the exit status is 1 whatever comes.
    var isFailure = false

    /// Whether it has begun.
    var isUnderWay: Bool {
        if case .running = stage { false } else { true }
    }

    /// When the first step ends at the latest.
    var deadline: Instant? {
        if case .emptying(let deadline, _) = stage { deadline } else { nil }
    }
}

extension Master {
    /// Signals the master answers; the rest keep their defaults.
    ///
    /// SIGHUP reloads.
    static let handledSignals: [CInt] = [Signal.terminate, Signal.interrupt, Signal.hangUp, Signal.child]

    /// SIGKILL.
    static let killSignal = Signal.kill

    /// Answers the signals that came.
    func handleSignals(_ now: Instant) {
        while let signal = signals.next() {
            switch signal {
            case Signal.child:
                reapExits(now)
            case Signal.hangUp:
                _ = reload(now)
            default:
                stop(signal == Signal.interrupt ? "SIGINT" : "SIGTERM", now)
            }
        }
    }

    /// Begins to stop; asked again, takes the next step at once.
    func stop(_ name: String, _ now: Instant) {
        if shutdown.isUnderWay {
            emit(.master(.hurried(reason: name)), now)
            closeListeners()
            let startingOnes = Set(workers.values.filter { $0.machine.phase == .starting }.map(\.id))
            drainAll(now, until: now)
            // Who was starting has just got the stop signal, the next step.
            for worker in workers.values where !startingOnes.contains(worker.id) {
                perform(worker.machine.hurried(at: now), for: worker, now)
            }
            for index in departing.indices { departing[index].killAt = now }
            wake(at: now)
        } else {
            roster.look()
            let open = roster.openCount
            emit(.master(.stopping(reason: name, open: open, queued: roster.queuedCount)), now)
            if open > 0 {
                let limit = configuration.drainTimeout
                emit(.master(.waitingForConnections(reason: name, open: open, limit: limit)), now)
            }
            beginShutdown(now)
        }
    }

    /// Stops because nothing can be served, now or later.
    func giveUp(_ reason: String, _ now: Instant) {
        emit(.master(.gaveUp(reason: reason)), now)
        shutdown.isFailure = true
        beginShutdown(now)
    }

    /// Begins the way out.
    func beginShutdown(_ now: Instant) {
        perform(rollout.cancel(at: now), now)
        pool.stop()
        service.stopping()
        service.extendTimeout()
        // Half for what waits outside, so that the workers have at least the other half to finish.
        let deadline = now + configuration.drainTimeout / 2
        shutdown.stage = .emptying(deadline: deadline, drainedBy: now + configuration.drainTimeout)
        service.status(statusLine())
        wake(at: deadline)
        // Who is starting is not waited for, unless nobody else could empty the backlogs.
        for worker in workers.values where roster.isAnyoneReady && worker.machine.phase == .starting {
            perform(worker.machine.drainRequested(at: now), for: worker, now)
        }
        // Whether somebody waits in a backlog is found out by accepting, not by an event that may be on its way.
        handoff.expectClients()
        wake(at: now)
    }

    /// Takes the next step of the way out when it can be taken.
    func advanceShutdown(_ now: Instant) {
        switch shutdown.stage {
        case .running:
            guard workers.isEmpty else { return }
            if pool.hasFailed || (!isServing && pool.hasFailed(attempts: RestartPolicy.firstAttempts)) {
                giveUp(failureWords, now)
            }
        case .emptying(let deadline, let end):
            // Nobody who has room has asked the kernel yet whether somebody waits, or may not now: then poll does.
            let cannotAccept = isSaturated
            closeListeners { listener in
                !roster.isAnyoneReady || !listener.hasTaker || !listener.isReadable || listener.pausedUntil != nil
                    || (cannotAccept && !listener.socket.hasWaiting)
            }
            let isEmpty =
                handoff.listeners.isEmpty && !handoff.isStashOccupied && !handoff.hasDeparted
                && !doesAnyoneWaitForWorkers(now)
            guard now >= deadline || !roster.isAnyoneReady || (isEmpty && areChannelsEmpty()) else { return }
            closeListeners()
            drainAll(now, until: end)
        case .draining:
            killDeparting(now)
            guard workers.isEmpty, departing.isEmpty, hunts.isEmpty else { return }
            let status: CInt = shutdown.neededKill || shutdown.isFailure ? 1 : 0
            emit(.master(.stopped(status: Int(status))), now)
            exitCode = status
        }
    }

    /// Why nothing can be served, and what to look at when nothing ever was.
    private var failureWords: String {
        let words = "every slot has failed: nothing can be served"
        if isServing { return words }
        let reason = lastStartProblem?.clause ?? lastFailedStart.map { "the last one \($0)" } ?? "none could be started"
        return "\(words); no worker of \(configuration.command[0]) ever became ready: \(reason)"
    }

    private func areChannelsEmpty() -> Bool {
        roster.settleAll()
        return roster.queuedCount == 0
    }

    /// Drains every worker; the time spent on emptying counts as part of the drain timeout.
    private func drainAll(_ now: Instant, until deadline: Instant) {
        guard !isDraining else { return }
        shutdown.stage = .draining
        closeDirect()
        for worker in workers.values {
            perform(worker.machine.drainRequested(at: now, until: deadline), for: worker, now)
        }
        wake(at: now)
    }

    private var isDraining: Bool {
        if case .draining = shutdown.stage { true } else { false }
    }

    /// Whether somebody waits at a listener from which workers accept; if so, looks again soon.
    private func doesAnyoneWaitForWorkers(_ now: Instant) -> Bool {
        guard let direct else { return false }
        let ownListeners = roster.links.lazy.flatMap(\.listeners)
        guard direct.hasWaiting || ownListeners.contains(where: { $0.socket.isListening && $0.socket.hasWaiting })
        else { return false }
        wake(at: now + DirectListeners.lookInterval)
        return true
    }

    /// Closes the listeners from which workers accept.
    private func closeDirect() {
        guard let direct else { return }
        // First: a worker that finds its listener closed must know why.
        for worker in workers.values { worker.link.page.setDrain() }
        direct.close()
    }

    /// Closes listeners: new clients are refused from now on.
    private func closeListeners(where isDone: (Listener) -> Bool = { _ in true }) {
        handoff.closeListeners { listener in
            guard isDone(listener) else { return false }
            epoll.remove(listener.socket.descriptor)
            return true
        }
    }
}
