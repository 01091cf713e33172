// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredBalance
internal import MaitredConfig
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
                log.error(
                    "cannot start worker \(order.id): \(error)",
                    metadata: ["worker": "\(order.id)", "slot": "\(order.slot)"]
                )
                guard hasStartedAny else { return giveUp("no worker can be started", now) }
                let outcome = pool.ended(id: order.id, slot: order.slot, readyFor: nil, wasAsked: false, at: now)
                report(outcome, slot: order.slot)
            }
        }
        wake(at: pool.deadline ?? .never)
    }

    private func start(_ order: SpawnOrder, _ now: Instant) throws(SystemError) {
        let timeouts = WorkerTimeouts(
            start: configuration.startTimeout,
            drain: configuration.drainTimeout,
            kill: configuration.killTimeout
        )
        let spawned = try spawner.spawn(order)
        let worker = WorkerHandle(spawned, machine: WorkerMachine(timeouts: timeouts, at: now))
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
            log.error("cannot watch worker \(worker.id): \(error)", metadata: worker.metadata)
            worker.group.signal(Self.killSignal)
        }
        wake(at: worker.machine.deadline ?? .never)
        log.info("worker \(worker.id) started", metadata: worker.metadata)
    }

    // MARK: - Actions

    /// Carries out what a worker's machine asks for.
    func perform(_ actions: [WorkerAction], for worker: WorkerHandle, _ now: Instant) {
        for action in actions {
            switch action {
            case .enterRotation: enterRotation(worker)
            case .leaveRotation: leaveRotation(worker)
            case .requestDrain: requestDrain(worker)
            case .stop:
                leaveRotation(worker)
                worker.process.signal(configuration.stopSignal.number)
            case .kill:
                leaveRotation(worker)
                worker.process.signal(Self.killSignal)
                worker.group.signal(Self.killSignal)
            case .reportStartTimeout:
                log.error(
                    "worker \(worker.id) was not ready within \(configuration.startTimeout.shortText): killed; does it take its connections from maitred (docs/PROTOCOL.md)?",
                    metadata: worker.metadata
                )
            }
        }
        if !actions.isEmpty { wake(at: worker.machine.deadline ?? .never) }
    }

    private func enterRotation(_ worker: WorkerHandle) {
        guard let index = roster.index(of: worker.id) else { return }
        roster.setReady(at: index)
        let after = worker.machine.startDuration?.shortText ?? ""
        log.info("worker \(worker.id) ready", metadata: worker.metadata.merging(["after": "\(after)"]) { $1 })
        service.ready()
        service.status(statusLine())
    }

    private func leaveRotation(_ worker: WorkerHandle) {
        guard let index = roster.index(of: worker.id) else { return }
        roster.setDraining(at: index)
    }

    private func requestDrain(_ worker: WorkerHandle) {
        worker.link.page.setDrain()
        // A full control channel belongs to a worker that reads nothing; the page says the same.
        _ = worker.sendControl(.drain)
        if let signal = configuration.drainSignal { worker.process.signal(signal.number) }
    }

    /// Replaces workers that shut their channels down: nothing can be handed to them any more.
    func dismissBroken(_ now: Instant) {
        guard handoff.hasBroken else { return }
        handoff.hasBroken = false
        for link in roster.links where link.isBroken {
            link.isBroken = false
            guard let worker = workers[link.id], worker.machine.phase == .ready else { continue }
            log.error("worker \(link.id) shut its connection channel down: replacing it", metadata: worker.metadata)
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
            if !link.queue.hasUnreportedTakes, link.page.read().holds == 0 {
                perform(worker.machine.becameIdle(at: now), for: worker, now)
            }
        }
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
        if end.wasKilled, shutdown.isUnderWay { shutdown.neededKill = true }

        var metadata = worker.metadata
        metadata["status"] = "\(status)"
        log.log(level: end.wasAsked ? .info : .warning, "worker \(worker.id) exited: \(status)", metadata: metadata)
        if worker.group.exists { endGroup(of: worker, now) }

        let outcome = pool.ended(
            id: worker.id,
            slot: worker.link.slot,
            readyFor: end.readyFor,
            wasAsked: end.wasAsked,
            at: now
        )
        report(outcome, slot: worker.link.slot)
        wake(at: pool.deadline ?? .never)
    }

    private func report(_ outcome: SlotOutcome, slot: Int) {
        switch outcome {
        case .restarting(let delay) where delay > RestartPolicy.shortDelay:
            log.warning("slot \(slot) failed to start: next try in \(delay.shortText)", metadata: ["slot": "\(slot)"])
        case .restarting, .closed:
            break
        case .failed:
            log.critical(
                "slot \(slot) is given up after \(configuration.maxRestarts) failed starts in a row",
                metadata: ["slot": "\(slot)"]
            )
        }
        service.status(statusLine())
    }

    // MARK: - What is left of a group

    private func endGroup(of worker: WorkerHandle, _ now: Instant) {
        log.info("worker \(worker.id) left processes in its group: stopping them", metadata: worker.metadata)
        worker.group.signal(configuration.stopSignal.number)
        let killAt = now + configuration.killTimeout
        departing.append(DepartingGroup(id: worker.id, group: worker.group, killAt: killAt))
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
