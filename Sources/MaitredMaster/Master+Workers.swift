// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Starting, judging and burying workers: carries out what WorkerMachine and Pool say.

extension Master {
    /// Workers started in one turn: each start keeps the loop for about a millisecond.
    private static let spawnsPerTurn = 8

    /// Children reaped in one turn; more wait for the next.
    private static let reapsPerTurn = 64

    // MARK: - Start

    /// Starts workers for the slots whose time has come.
    func fillSlots(_ now: Instant) {
        for order in pool.timePassed(at: now, limit: Self.spawnsPerTurn) {
            do {
                try start(order, now)
            } catch {
                lastFailedStart = "could not be started: \(error)"
                emit(.slot(order.slot, .startFailed(reason: error.description)), now)
                guard hasStartedAny else { return giveUp("no worker can be started", now) }
                let outcome = pool.ended(id: order.id, slot: order.slot, readyFor: nil, wasAsked: false, at: now)
                report(outcome, slot: order.slot, now)
                let reason = "cannot be started: \(error)"
                perform(
                    rollout.workerEnded(order.id, wasReady: false, reason: reason, slots: rolloutSlots, at: now),
                    now
                )
            }
        }
        wake(at: pool.deadline ?? .never)
    }

    /// Starts a worker with the settings of its generation.
    func start(_ order: SpawnOrder, _ now: Instant) throws(SystemError) {
        guard let spawner = spawners[order.generation] else { preconditionFailure("settings that were forgotten") }
        let spawned = try spawner.spawn(order, output: output)
        let machine = WorkerMachine(timeouts: WorkerTimeouts(configuration), at: now)
        let worker = WorkerHandle(
            spawned,
            generation: order.generation,
            machine: machine,
            start: spawner.facts,
            at: now
        )
        // From here on the process exists: whatever fails, its exit must be seen.
        workers[worker.id] = worker
        hasStartedAny = true
        roster.join(worker.link)
        do {
            // Once is enough, SIGCHLD is the net: while a debugger has the result the pidfd would stay readable for nothing.
            try epoll.add(worker.process.descriptor, [.readable, .edge], Source.exit.token(worker.id))
            try epoll.add(worker.control.descriptor, [.readable], Source.control.token(worker.id))
            try places.add(worker.link)
        } catch {
            emit(.master(.problem("cannot watch worker \(worker.id): \(error)")), now)
            worker.group.signal(Self.killSignal)
        }
        wake(at: worker.machine.deadline ?? .never)
        emit(worker, .started, now)
    }

    // MARK: - Actions

    /// Carries out what a worker's machine asks for.
    func perform(_ actions: [WorkerAction], for worker: WorkerHandle, _ now: Instant) {
        for action in actions {
            switch action {
            case .enterRotation: enterRotation(worker, now)
            case .leaveRotation: leaveRotation(worker, now)
            case .requestDrain: requestDrain(worker, now)
            case .stop:
                leaveRotation(worker, now)
                worker.process.signal(configuration.stopSignal.number)
            case .kill:
                if shutdown.isUnderWay { shutdown.neededKill = true }
                leaveRotation(worker, now)
                worker.process.signal(Self.killSignal)
                worker.group.signal(Self.killSignal)
            case .reportStartTimeout:
                worker.startProblem = problemAtTimeout(of: worker)
                let problem = worker.startProblem.map(StartFailure.init)
                emit(worker, .startTimedOut(after: configuration.startTimeout, problem: problem), now)
            }
        }
        if !actions.isEmpty { wake(at: worker.machine.deadline ?? .never) }
    }

    private func enterRotation(_ worker: WorkerHandle, _ now: Instant) {
        guard let index = roster.index(of: worker.id) else { return }
        attempt("listen for worker \(worker.id)") { () throws(SystemError) in try direct?.open(worker.link.listeners) }
        roster.setReady(at: index)
        emit(worker, .ready(after: worker.machine.startDuration ?? .zero), now)
        watchTakers(now, ready: worker)
        if !isServing { emit(.master(.serving), now) }
        isServing = true
        _ = pool.promote(worker.id)
        perform(rollout.successorReady(worker.id, slots: rolloutSlots, at: now), now)
        if !rollout.isReloading { service.ready() }
        service.status(statusLine())
        answerSizes()
    }

    private func leaveRotation(_ worker: WorkerHandle, _ now: Instant) {
        guard let index = roster.index(of: worker.id), worker.drainingSince == nil else { return }
        worker.drainingSince = now
        worker.link.stopListening()
        roster.setDraining(at: index)
        watchTakers(now)
        guard worker.machine.phase == .draining else { return }
        emit(worker, .draining(open: roster.balancer.table.workers[index].open), now)
    }

    private func requestDrain(_ worker: WorkerHandle, _ now: Instant) {
        worker.toldToDrainAt = now
        worker.link.page.setDrain()
        // A full control channel belongs to a worker that reads nothing; the page says the same. A program as it is does
        // not read it either, and watches it for its end by a signal, which would cut its sleeps short.
        if !worker.start.hasListened { _ = worker.sendControl(.drain) }
        if let signal = configuration.drainSignal { worker.process.signal(signal.number) }
    }

    /// Replaces workers that shut their channels down: nothing can be handed to them any more.
    func dismissBroken(_ now: Instant) {
        guard handoff.hasBroken else { return }
        handoff.hasBroken = false
        for link in roster.links where link.isBroken {
            link.isBroken = false
            guard let worker = workers[link.id], worker.machine.phase == .ready else { continue }
            emit(worker, .broken, now)
            perform(worker.machine.drainRequested(at: now, isOwnFault: true), for: worker, now)
        }
    }

    /// Moves workers on that are out of the rotation: told to finish once their queue is empty, stopped once idle.
    func advanceDraining(_ now: Instant) {
        guard roster.isAnyoneDraining else { return }
        for (index, link) in roster.links.enumerated() where roster.balancer.table.workers[index].isDraining {
            guard let worker = workers[link.id], worker.machine.phase == .draining else { continue }
            roster.settle(at: index)
            guard link.queue.queued == 0 else { continue }
            perform(worker.machine.queueEmptied(), for: worker, now)
            if !link.queue.hasUnreportedTakes, link.page.read().holds == 0, takesNothingMore(worker, now) {
                emit(worker, .drained(after: now - (worker.drainingSince ?? now)), now)
                perform(worker.machine.becameIdle(at: now), for: worker, now)
            }
        }
    }

    /// Whether nothing can come to a draining worker any more: one that accepts itself must have heard of the drain.
    private func takesNothingMore(_ worker: WorkerHandle, _ now: Instant) -> Bool {
        guard direct != nil, let toldAt = worker.toldToDrainAt else { return true }
        let heardBy = toldAt + DirectListeners.drainGrace
        if now < heardBy { wake(at: heardBy) }
        return now >= heardBy
    }

    // MARK: - Exit

    /// Takes the results of children that ended: workers, and orphans that descendants left to us.
    func reapExits(_ now: Instant) {
        hasMoreExits = false
        for _ in 0..<Self.reapsPerTurn {
            guard let zombie = Zombie.next() else { return }
            guard let worker = workers.values.first(where: { $0.process.pid == zombie.pid }) else { continue }
            bury(worker, zombie.status, now)
        }
        hasMoreExits = true
    }

    /// A worker's first process has ended: others get what it has not taken, and its slot a successor.
    private func bury(_ worker: WorkerHandle, _ status: ExitStatus, _ now: Instant) {
        // What it said last, such as that it was ready, counts: exits come before packets in a turn.
        receivePackets(from: worker.id, now)
        let end = worker.machine.exited(at: now)
        epoll.remove(worker.process.descriptor)
        epoll.remove(worker.control.descriptor)
        places.remove(worker.link)
        roster.leave(id: worker.id)
        workers[worker.id] = nil
        handoff.depart(worker.link)
        watchTakers(now)
        // Processes that it left behind may have a copy, at which clients would wait for nobody.
        worker.link.stopListening()

        let problem = problem(atEndOf: worker, end, status)
        let uptime = now - worker.startedAt
        emit(worker, .exited(WorkerExit(status, wasAsked: end.wasAsked, uptime: uptime, problem: problem)), now)
        output.ended(id: worker.id)
        keepCounts(of: worker)
        if worker.group.exists { endGroup(of: worker, now) }
        if problem == .daemonised { endStrays(of: worker, now) }

        let slot = worker.link.slot
        let outcome = pool.ended(id: worker.id, slot: slot, readyFor: end.readyFor, wasAsked: end.wasAsked, at: now)
        report(outcome, slot: slot, now)
        let words = end.readyFor == nil && end.wasKilled ? "was not ready in time" : "exited: \(status)"
        if end.readyFor == nil { lastFailedStart = end.wasKilled ? words : "ended: \(status)" }
        let reason = words + ((worker.startProblem ?? problem).map { ": \($0.clause)" } ?? "")
        let wasReady = end.readyFor != nil
        perform(rollout.workerEnded(worker.id, wasReady: wasReady, reason: reason, slots: rolloutSlots, at: now), now)
        answerEnd(of: worker.id)
        wake(at: pool.deadline ?? .never)
    }

    /// What a worker counted in its life stays counted.
    private func keepCounts(of worker: WorkerHandle) {
        let totals = worker.link.page.totals()
        departedRequests = departedRequests.addingSaturated(totals.requests)
        departedErrors = departedErrors.addingSaturated(totals.errors)
        departedLatency.add(worker.link.page.latency())
    }

    private func report(_ outcome: SlotOutcome, slot: Int, _ now: Instant) {
        switch outcome {
        case .restarting(let delay, let failures) where failures > 0:
            emit(.slot(slot, .retrying(failures: failures, after: delay)), now)
        case .failed:
            emit(.slot(slot, .failed(failures: configuration.maxRestarts)), now)
            answerSizes()
        case .restarting, .taken, .closed:
            break
        }
        service.status(statusLine())
    }

    // MARK: - What is left of a group

    private func endGroup(of worker: WorkerHandle, _ now: Instant) {
        emit(worker, .leftProcesses, now)
        end(worker.group, of: worker, now)
    }

    /// Tells a group to stop, and kills it if it does not.
    func end(_ group: ProcessGroup, of worker: WorkerHandle, _ now: Instant) {
        group.signal(configuration.stopSignal.number)
        let killAt = now + configuration.killTimeout
        departing.append(DepartingGroup(id: worker.id, group: group, killAt: killAt))
        wake(at: killAt)
    }

    /// Kills what is left of groups whose time is over, and forgets groups without members.
    func killDeparting(_ now: Instant) {
        for index in departing.indices {
            guard let killAt = departing[index].killAt, now >= killAt else { continue }
            if shutdown.isUnderWay, departing[index].group.exists { shutdown.neededKill = true }
            departing[index].group.signal(Self.killSignal)
            departing[index].killAt = nil
        }
        departing.removeAll { !$0.group.exists }
    }
}

extension WorkerTimeouts {
    /// What the configuration allows.
    init(_ configuration: Configuration) {
        self.init(
            start: configuration.startTimeout,
            drain: configuration.drainTimeout,
            kill: configuration.killTimeout
        )
    }
}

extension WorkerExit {
    /// How a process ended, in the words of events.
    init(_ status: ExitStatus, wasAsked: Bool, uptime: Duration, problem: StartProblem?) {
        var code: Int?
        var number: Int?
        var name: String?
        switch status {
        case .exited(let status): code = Int(status)
        case .signaled(let signal): (number, name) = (Int(signal), Signal.name(of: signal))
        case .unknown: break
        }
        self.init(
            code: code,
            signal: number,
            signalName: name,
            wasAsked: wasAsked,
            uptime: uptime,
            problem: problem.map(StartFailure.init)
        )
    }
}
