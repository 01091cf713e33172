// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem

// Replacing workers that run: carries out what Rollout says, and reads the configuration again for a reload.
//
//      SIGHUP, `maitred reload` ──> read again, check ──> apply what needs no new worker ──> new generation ──> Rollout
//                                        │
//                                        └── wrong: nothing is touched, and this is said

extension Master {
    /// The slots as the rollout wants to see them.
    var rolloutSlots: [RolloutSlot] {
        pool.rolloutSlots { workers[$0]?.machine.phase == .ready }
    }

    // MARK: - Reload

    /// Reads the configuration again and begins to replace the workers.
    ///
    /// - Returns: The number of the new generation, or why nothing was touched.
    func reload(_ now: Instant) -> Result<Int, ReloadRefusal> {
        service.reloading()
        defer { if !rollout.isReloading, isServing { service.ready() } }
        do throws(ReloadRefusal) {
            if shutdown.isUnderWay { throw ReloadRefusal(reason: "the master is stopping") }
            let fresh = try freshConfiguration()
            let changes = ConfigurationChange.changes(from: configuration, to: fresh)
            let merged = configuration.reloaded(with: fresh)
            let spawner = try spawner(for: merged)
            return .success(begin(merged, spawner, changes, now))
        } catch {
            lastReload.refused(error.reason, generation: pool.generation + 1, at: now)
            emit(.rollout(.reloadRefused(reason: error.reason)), now)
            service.status(statusLine())
            return .failure(error)
        }
    }

    private func freshConfiguration() throws(ReloadRefusal) -> Configuration {
        do throws(ConfigurationError) {
            return try reread()
        } catch {
            throw ReloadRefusal(reason: "\(error)")
        }
    }

    private func spawner(for configuration: Configuration) throws(ReloadRefusal) -> WorkerSpawner {
        do throws(StartupError) {
            return try launch.spawner(for: configuration)
        } catch {
            throw ReloadRefusal(reason: error.description)
        }
    }

    private func begin(
        _ merged: Configuration,
        _ spawner: WorkerSpawner,
        _ changes: [ConfigurationChange],
        _ now: Instant
    ) -> Int {
        let known = spawners[pool.generation]?.warning
        let generation = pool.beginGeneration()
        spawners[generation] = spawner
        apply(merged, now)
        let deferred = changes.filter { $0.effect == .restart }.map(\.setting)
        lastReload.began(generation: generation, deferred: deferred, at: now)
        emit(.rollout(.reloading(generation: generation, workers: pool.size)), now)
        for setting in deferred { emit(.rollout(.settingDeferred(name: setting)), now) }
        if spawner.warning != known { sayUnfit(spawner, now) }
        perform(rollout.reload(to: generation, slots: rolloutSlots, at: now), now)
        wake(at: now)
        return generation
    }

    /// Makes what needs no new worker true at once.
    private func apply(_ fresh: Configuration, _ now: Instant) {
        let old = configuration
        configuration = fresh
        roster.balancer.table.setLimits(queueDepth: fresh.queueDepth, maxConnections: fresh.maxConnections)
        if fresh.strategy != old.strategy, case .chosen(let name) = fresh.strategy {
            setStrategy(name, from: old.strategy, now)
        }
        if fresh.workers != old.workers { scale(to: fresh.workers, now) }
        pool.policy = RestartPolicy(fresh)
        rollout.spread = fresh.spread
        for worker in workers.values { worker.machine.timeouts = WorkerTimeouts(fresh) }
        clocks.apply(fresh, at: now)
    }

    // MARK: - Actions

    /// Carries out what the rollout asks for.
    func perform(_ actions: [RolloutAction], _ now: Instant) {
        for action in actions {
            switch action {
            case .startSuccessor(let slot): startSuccessor(in: slot, now)
            case .drain(let id):
                if let worker = workers[id] { perform(worker.machine.drainRequested(at: now), for: worker, now) }
            case .stepDone:
                reportProgress(endsReload: actions.contains(where: \.endsReload), now)
            case .finished(let result):
                report(result, now)
            case .aborted(let result, let earlier):
                pool.revertGeneration(to: earlier)
                report(result, now)
            }
        }
        if !actions.isEmpty { wake(at: rollout.deadline ?? .never) }
        forgetSpawners()
    }

    private func startSuccessor(in slot: Int, _ now: Instant) {
        let order = pool.orderSuccessor(slot: slot)
        rollout.successorStarted(order.id)
        do {
            try start(order, now)
        } catch {
            emit(.slot(slot, .startFailed(reason: error.description)), now)
            _ = pool.ended(id: order.id, slot: slot, readyFor: nil, wasAsked: false, at: now)
            let reason = error.description
            perform(
                rollout.workerEnded(order.id, wasReady: false, reason: reason, slots: rolloutSlots, at: now),
                now
            )
        }
    }

    /// Tells how far a reload has come; after its last step the rollout has forgotten it, and it is all done.
    private func reportProgress(endsReload: Bool, _ now: Instant) {
        let whole = RolloutProgress(done: pool.size, total: pool.size)
        guard let progress = endsReload ? whole : rollout.progress(slots: rolloutSlots) else { return }
        emit(.rollout(.step(done: progress.done, total: progress.total)), now)
        answerProgress(progress)
        service.status(statusLine())
    }

    private func report(_ result: RolloutResult, _ now: Instant) {
        switch result.request {
        case .reload(let generation):
            switch result.outcome {
            case .done:
                emit(.rollout(.reloaded(generation: generation, took: lastReload.duration(at: now))), now)
                lastReload.ended("done", nil)
            case .failed(let failure):
                let reason = "worker \(failure.worker) \(failure.reason)"
                emit(.rollout(.reloadFailed(generation: generation, reason: reason)), now)
                lastReload.ended("failed", reason)
            case .overtaken: lastReload.ended("failed", "another reload came")
            case .cancelled: lastReload.ended("failed", "the master stops")
            }
            if isServing { service.ready() }
            service.status(statusLine())
        case .replacement(let id, _, _):
            if case .failed(let failure) = result.outcome, let worker = workers[id] {
                let reason = "its successor, worker \(failure.worker), \(failure.reason)"
                emit(worker, .replacementFailed(reason: reason), now)
            }
        }
        answer(result)
    }

    /// Forgets settings that nobody will be started with any more.
    private func forgetSpawners() {
        guard spawners.count > 2, !rollout.isReloading else { return }
        spawners = spawners.filter { $0.key == pool.generation }
    }

    // MARK: - Size and strategy

    /// Changes the number of workers.
    ///
    /// - Returns: Workers that go.
    @discardableResult
    func scale(to size: Int, _ now: Instant) -> [Int] {
        let before = pool.size
        let leaving = pool.scale(to: size, at: now)
        configuration.workers = size
        for id in leaving {
            if let worker = workers[id] { perform(worker.machine.drainRequested(at: now), for: worker, now) }
        }
        if before != size { emit(.master(.scaled(from: before, to: size)), now) }
        service.status(statusLine())
        wake(at: now)
        return leaving
    }

    /// Gives connections to workers by another strategy from now on.
    func setStrategy(_ strategy: StrategyName, from old: Distribution, _ now: Instant) {
        configuration.strategy = .chosen(by: strategy)
        roster.balancer.strategy = strategy.makeStrategy(seed: now.nanoseconds)
        emit(.master(.strategyChanged(from: old.rawValue, to: strategy.rawValue)), now)
    }
}

extension RolloutAction {
    /// Whether a reload has reached every slot.
    fileprivate var endsReload: Bool {
        guard case .finished(let result) = self, case .reload = result.request else { return false }
        return result.outcome == .done
    }
}

/// Why a reload touched nothing.
struct ReloadRefusal: Error {
    let reason: String
}

/// What `status` says of the last reload.
struct LastReload {
    private var beganAt: Instant?
    private var generation = 0
    private var result = ""
    private var reason: String?
    private var deferred: [String] = []

    mutating func began(generation: Int, deferred: [String], at now: Instant) {
        (beganAt, self.generation, result, reason, self.deferred) = (now, generation, "running", nil, deferred)
    }

    mutating func refused(_ why: String, generation: Int, at now: Instant) {
        (beganAt, self.generation, result, reason, deferred) = (now, generation, "refused", why, [])
    }

    mutating func ended(_ result: String, _ reason: String?) {
        (self.result, self.reason) = (result, reason)
    }

    /// What the answer adds about settings that have to wait; empty when there are none.
    var deferredWords: String {
        deferred.isEmpty ? "" : "; takes effect when maitred is restarted: \(deferred.joined(separator: ", "))"
    }

    /// "failed: …" or "refused: …", nil when it worked or there was none.
    var failure: String? {
        reason.map { "\(result): \($0)" }
    }

    func duration(at now: Instant) -> Duration { beganAt.map { now - $0 } ?? .zero }

    /// Nil before the first.
    func report(at now: Instant) -> ReloadReport? {
        beganAt.map { began in
            ReloadReport(
                generation: generation,
                result: result,
                reason: reason,
                age: (now - began).seconds,
                deferred: deferred
            )
        }
    }
}
