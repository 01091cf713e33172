// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem

// What clients of the control socket ask for. The server bounds and authorises; here a request is understood and done.

/// Who asks: a client of the control socket, or the program that the master is part of.
enum Requester {
    case client(Int)
    case program(_ answer: (ControlReply) -> Void)
}

/// Somebody who waits until what was asked for is done.
struct PendingAnswer {
    /// What it waits for.
    enum Goal {
        /// The reload to this generation.
        case reload(generation: Int)
        /// The replacement of this worker.
        case replacement(worker: Int)
        /// The end of this worker.
        case end(worker: Int)
        /// So many workers ready, and these gone.
        case size(Int, leaving: Set<Int>)
    }

    let requester: Requester
    var goal: Goal
}

extension Master {
    /// Requests answered in one turn.
    private static let requestsPerTurn = 16

    /// Accepts clients, answers them, and drops those that are too slow.
    func serveClients(_ now: Instant) {
        guard let control else { return }
        control.turn(now, workerGroups: Set(workers.values.map { $0.group.id }))
        for _ in 0..<Self.requestsPerTurn {
            guard let (client, line) = control.nextRequest(now) else { break }
            answer(line, from: .client(client), now)
        }
        for departure in control.takeDepartures() {
            emit(
                .master(
                    .clientDropped(
                        pid: Int(departure.pid),
                        user: Int(departure.user),
                        reason: departure.reason.words ?? "it did not take its answers"
                    )
                ),
                now
            )
        }
        wake(at: control.deadline)
    }

    /// Has every event sent to the clients that want it.
    func broadcastEvents() {
        guard let control else { return }
        events.listeners.append { record in
            guard control.hasSubscribers else { return }
            control.broadcast(ControlJSON.line(record), .now)
        }
    }

    /// Answers one line of a client.
    private func answer(_ line: [UInt8], from requester: Requester, _ now: Instant) {
        do throws(ControlError) {
            answer(try ControlJSON.decode(ControlRequest.self, from: line), from: requester, now)
        } catch {
            send(.failed(error.description), to: requester)
        }
    }

    /// Does what is asked, and answers now or later.
    func answer(_ request: ControlRequest, from requester: Requester, _ now: Instant) {
        do throws(ControlError) {
            guard request.version == ControlRequest.version else {
                throw .malformed("version \(request.version) is not spoken here: this is \(ControlRequest.version)")
            }
            if let reply = try reply(to: request, from: requester, now) { send(reply, to: requester) }
        } catch {
            send(.failed(error.description), to: requester)
        }
    }

    /// - Returns: What to say now; nil when the answer comes later.
    private func reply(
        to request: ControlRequest,
        from requester: Requester,
        _ now: Instant
    ) throws(ControlError) -> ControlReply? {
        switch request.command {
        case .status: return ControlReply(statusReport(now))
        case .events: return try subscribe(requester, since: request.since, now)
        case .stop:
            stop("maitred stop", now)
            return .done("stopping")
        case _ where shutdown.isUnderWay: return .failed("the master is stopping")
        case .reload: return reload(for: requester, waits: request.wait == true, now)
        case .restart: return restart(try worker(of: request), for: requester, waits: request.wait == true, now)
        case .drain: return drain(try worker(of: request), for: requester, waits: request.wait == true, now)
        case .hold: return setHeld(true, try worker(of: request), now)
        case .release: return setHeld(false, try worker(of: request), now)
        case .scale: return try scale(request, for: requester, now)
        case .strategy: return try switchStrategy(request, now)
        }
    }

    private func worker(of request: ControlRequest) throws(ControlError) -> WorkerHandle {
        guard let id = request.worker else { throw .malformed("'worker' is missing: give a worker's number") }
        guard let worker = workers[id] else { throw .malformed("there is no worker \(id)") }
        return worker
    }

    // MARK: - One worker

    private func restart(_ worker: WorkerHandle, for requester: Requester, waits: Bool, _ now: Instant) -> ControlReply?
    {
        guard pool.occupant(of: worker.link.slot)?.id == worker.id else {
            return .failed("worker \(worker.id) is being replaced already")
        }
        if waits { pending.append(PendingAnswer(requester: requester, goal: .replacement(worker: worker.id))) }
        // Slots that were given up have no worker that could be named: any restart is another chance for all of them.
        pool.revive(at: now)
        wake(at: now)
        let slots = rolloutSlots
        perform(rollout.replace(worker.id, slot: worker.link.slot, cause: .restart, slots: slots, at: now), now)
        return waits ? nil : .done("worker \(worker.id) is being replaced")
    }

    private func drain(_ worker: WorkerHandle, for requester: Requester, waits: Bool, _ now: Instant) -> ControlReply? {
        guard worker.machine.phase == .starting || worker.machine.phase == .ready else {
            return .failed("worker \(worker.id) is \(worker.machine.phase.rawValue) already")
        }
        if waits { pending.append(PendingAnswer(requester: requester, goal: .end(worker: worker.id))) }
        perform(worker.machine.drainRequested(at: now), for: worker, now)
        wake(at: now)
        return waits ? nil : .done("worker \(worker.id) is draining")
    }

    private func setHeld(_ isHeld: Bool, _ worker: WorkerHandle, _ now: Instant) -> ControlReply {
        guard direct == nil else {
            let name = configuration.strategy.rawValue
            return .failed("worker \(worker.id) cannot be held: with strategy \(name) workers accept by themselves")
        }
        guard worker.isHeld != isHeld, let index = roster.index(of: worker.id) else {
            return .failed("worker \(worker.id) is \(isHeld ? "held already" : "not held")")
        }
        worker.isHeld = isHeld
        worker.restartClocks(at: now)
        roster.setHeld(isHeld, at: index)
        emit(worker, isHeld ? .held : .released, now)
        wake(at: now)
        return .done("worker \(worker.id) is \(isHeld ? "held" : "released")")
    }

    // MARK: - All workers

    private func reload(for requester: Requester, waits: Bool, _ now: Instant) -> ControlReply? {
        switch reload(now) {
        case .failure(let refusal): return .failed("nothing is reloaded: \(refusal.reason)")
        case .success(let generation):
            guard waits else { return .done("reloading: generation \(generation)" + lastReload.deferredWords) }
            guard rollout.isReloading else {
                guard let report = lastReload.report(at: now), report.result == "done" else {
                    return .failed("reload failed: \(lastReload.report(at: now)?.reason ?? "")")
                }
                return .done("reloaded" + lastReload.deferredWords)
            }
            pending.append(PendingAnswer(requester: requester, goal: .reload(generation: generation)))
            return nil
        }
    }

    private func scale(
        _ request: ControlRequest,
        for requester: Requester,
        _ now: Instant
    ) throws(ControlError) -> ControlReply? {
        guard let count = request.count else { throw .malformed("'count' is missing: give a number of workers") }
        guard Configuration.workersRange.contains(count) else {
            let range = Configuration.workersRange
            throw .malformed("\(count) workers cannot be had: give \(range.lowerBound) to \(range.upperBound)")
        }
        let leaving = scale(to: count, now)
        guard request.wait == true else { return .done("scaling to \(counted(count, "worker"))") }
        pending.append(PendingAnswer(requester: requester, goal: .size(count, leaving: Set(leaving))))
        answerSizes()
        return nil
    }

    private func switchStrategy(_ request: ControlRequest, _ now: Instant) throws(ControlError) -> ControlReply {
        guard let name = request.strategy else { throw .malformed("'strategy' is missing: give a name") }
        guard let wanted = Distribution(rawValue: name) else {
            let names = Distribution.allCases.map(\.rawValue).joined(separator: ", ")
            throw .malformed("there is no strategy '\(visible(name))': give one of \(names)")
        }
        let current = configuration.strategy
        guard current.canBecome(wanted) else {
            let started = direct == nil ? "with channels, not listeners" : "without channels"
            return .failed("strategy \(name) needs a restart of maitred: the workers were started \(started)")
        }
        if wanted != current, case .chosen(let strategy) = wanted { setStrategy(strategy, from: current, now) }
        return .done("strategy is \(name)")
    }

    private func subscribe(_ requester: Requester, since: Double?, _ now: Instant) throws(ControlError) -> ControlReply?
    {
        let seconds = since ?? 0
        guard seconds >= 0, seconds <= 1e9 else { throw .malformed("'since' is a number of seconds, not negative") }
        guard case .client(let client) = requester else { throw .malformed("a program has the events already") }
        send(.done("events follow"), to: requester)
        if since != nil {
            let moment = Instant(nanoseconds: now.nanoseconds(since: Instant(nanoseconds: UInt64(seconds * 1e9))))
            for record in events.records(since: moment) {
                control?.send(ControlJSON.line(record), to: client, isLast: false, now)
            }
        }
        control?.setSubscribed(client, now)
        return nil
    }

    // MARK: - Later answers

    /// A reload or a replacement has its answer.
    func answer(_ result: RolloutResult) {
        let reply = Self.reply(to: result, lastReload)
        answerPending { goal in
            switch (goal, result.request) {
            case (.reload(let wanted), .reload(let generation)): wanted == generation ? reply : nil
            case (.replacement(let wanted), .replacement(let id, _, _)): wanted == id ? reply : nil
            default: nil
            }
        }
    }

    private static func reply(to result: RolloutResult, _ lastReload: LastReload) -> ControlReply {
        switch (result.outcome, result.request) {
        case (.done, .reload): .done("reloaded" + lastReload.deferredWords)
        case (.done, .replacement(let id, _, _)): .done("worker \(id) is replaced")
        case (.failed(let failure), .reload):
            .failed("reload failed: worker \(failure.worker) \(failure.reason); the old workers stay")
        case (.failed(let failure), .replacement(let id, _, _)):
            .failed("worker \(id) stays: its successor, worker \(failure.worker), \(failure.reason)")
        case (.overtaken, .reload): .failed("another reload came")
        case (.overtaken, .replacement(let id, _, _)): .done("worker \(id) is gone")
        case (.cancelled, _): .failed("the master is stopping")
        }
    }

    /// A worker has ended.
    func answerEnd(of id: Int) {
        answerPending { goal in
            if case .end(let wanted) = goal, wanted == id { .done("worker \(id) has stopped") } else { nil }
        }
        for index in pending.indices {
            guard case .size(let size, var leaving) = pending[index].goal else { continue }
            leaving.remove(id)
            pending[index].goal = .size(size, leaving: leaving)
        }
        answerSizes()
    }

    /// The number of ready workers or failed slots may have changed.
    func answerSizes() {
        guard !pending.isEmpty else { return }
        let ready = workers.values.count { $0.machine.phase == .ready }
        let failed = pool.failedSlots.count
        answerPending { goal in
            guard case .size(let size, let leaving) = goal else { return nil }
            if size != pool.size { return .failed("the number of workers was changed again") }
            if failed > 0 { return .failed("\(counted(failed, "slot")) failed: maitred status says why") }
            return leaving.isEmpty && ready >= size ? .done("ready: \(counted(size, "worker"))") : nil
        }
    }

    /// The reload has come further.
    func answerProgress(_ progress: RolloutProgress) {
        for answer in pending {
            guard case .reload = answer.goal else { continue }
            send(ControlReply(progress: progress.done, of: progress.total), to: answer.requester, isLast: false)
        }
    }

    private func answerPending(_ answer: (PendingAnswer.Goal) -> ControlReply?) {
        pending.removeAll { waiting in
            guard let reply = answer(waiting.goal) else { return false }
            send(reply, to: waiting.requester)
            return true
        }
    }

    private func send(_ reply: ControlReply, to requester: Requester, isLast: Bool = true) {
        switch requester {
        case .client(let id): control?.send(ControlJSON.line(reply), to: id, isLast: isLast, clocks.turnBeganAt)
        case .program(let answer): if isLast { answer(reply) }
        }
    }
}
