// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Who wakes the loop: listeners while somebody is eligible, takes and closes while nobody is.

extension Master {
    /// Puts the sources into the epoll that are in it from start to end.
    func watchSources() throws(SystemError) {
        try epoll.add(signals.descriptor, [.readable], Source.signals.token())
        try epoll.add(timer.descriptor, [.readable, .edge], Source.timer.token())
        try control?.register(in: epoll, as: Source.requests.token())
        try output.watch(in: epoll, as: Source.output.token())
        try workerSocket.watch(in: epoll, as: Source.fetches.token())
    }

    /// Nobody is eligible, or one connection already waits for a place in the master's hand.
    var isSaturated: Bool {
        !roster.isAnyoneEligible || handoff.isStashOccupied
    }

    /// Decides whether takes and closes must wake the loop, arms what is needed, and looks again after arming.
    func watchPlaces(_ now: Instant) {
        if isSaturated { roster.settleAll() }
        let waitsForPlace = direct == nil && isSaturated && roster.isAnyoneReady
        let waits = waitsForPlace || roster.isAnyoneDraining
        // The ordinary turn: connections were handed, everybody has room, the listeners stay as they are.
        guard waits || places.isWatching || isSaturated != places.areListenersResting else { return }

        attempt("watch for free places") { () throws(SystemError) in try places.setWatching(waits, in: epoll) }
        clocks.netAt = waits ? now + PlaceWatch.net : nil
        wake(at: clocks.netAt ?? .never)
        for (index, link) in roster.links.enumerated() {
            link.setDoorbell(roster.matters(closeAt: index, waitsForPlace: waitsForPlace))
        }
        // A close between the last look and the arming rang no bell: it is seen now, and another turn follows.
        if waits {
            roster.look()
            if waitsForPlace, !isSaturated { wake(at: now) }
        }
        watchListeners()
    }

    /// Polls each listener only while a connection from it could be handed to somebody.
    func watchListeners() {
        places.areListenersResting = isSaturated
        for listener in handoff.listeners {
            let isWanted = !isSaturated && listener.hasTaker && listener.pausedUntil == nil
            guard isWanted != listener.isWatched else { continue }
            if isWanted {
                attempt("watch \(listener.name)") { () throws(SystemError) in
                    try epoll.add(listener.socket.descriptor, [.readable], Source.listener.token(listener.index))
                }
            } else {
                // Taken out, not set to an empty interest: one that somebody shut down would report its end for ever.
                epoll.remove(listener.socket.descriptor)
            }
            listener.isWatched = isWanted
        }
    }

    /// The rotation or what its workers have opened is another: polls the listeners that somebody takes from.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - worker: Whoever has just become ready, and is asked about listeners that nobody takes from.
    func watchTakers(_ now: Instant, ready worker: WorkerHandle? = nil) {
        guard direct == nil else { return }
        handoff.findTakers()
        watchListeners()
        guard let worker else { return }
        for listener in handoff.listeners where listener.hasTaker == listener.isOrphanSaid {
            listener.isOrphanSaid = !listener.hasTaker
            if !listener.hasTaker { emit(worker, .ignores(listener: listener.name), now) }
        }
    }

    /// The kernel had no descriptors or memory for a connection: it waits in the backlog, and this is said.
    func sayExhaustion(_ now: Instant) {
        guard let errno = handoff.exhaustion else { return }
        handoff.clearExhaustion()
        let reason = SystemError.words(for: errno)
        emit(.master(.acceptPaused(reason: reason, pause: Handoff.exhaustionPause)), now)
        watchListeners()
        wake(at: now + Handoff.exhaustionPause)
    }

    /// Does what only a kernel without memory refuses, and says when it did.
    func attempt(_ what: @autoclosure () -> String, _ body: () throws(SystemError) -> Void) {
        do {
            try body()
        } catch {
            emit(.master(.problem("cannot \(what()): \(error)")), .now)
        }
    }
}
