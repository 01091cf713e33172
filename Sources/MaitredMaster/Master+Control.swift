// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// What workers say on their control channels. All of it is data to validate and bound.

extension Master {
    /// Packets of one worker in one turn.
    private static let packetsPerTurn = 16

    /// Receives what a worker said.
    ///
    /// An id that is gone stands for an event that came too late.
    func receivePackets(from id: Int, _ now: Instant) {
        guard let worker = workers[id], worker.isControlWatched else { return }
        for _ in 0..<Self.packetsPerTurn {
            switch controlReader.next(from: worker.control) {
            case .packet(let head, _) where head.type == ControlType.bell.rawValue && worker.link.rang():
                // Its arrival is its meaning: this turn looks at the pages again. It was asked for, so it counts nothing.
                continue
            case .packet(let head, let body):
                receive(head, body, from: worker, now)
            case .refused(let error):
                refuse(error, from: worker, now)
            case .wouldBlock:
                return
            case .closed:
                // Shut down by the worker: the master keeps a copy of its end, so an exit is not seen here.
                return setControlWatched(false, of: worker)
            }
            worker.packetsThisSecond += 1
            if worker.packetsThisSecond >= WorkerHandle.packetsPerSecond {
                let most = WorkerHandle.packetsPerSecond
                emit(worker, .misbehaved(problem: "sends more than \(most) control packets a second: resting it"), now)
                return setControlWatched(false, of: worker)
            }
            guard worker.isControlWatched else { return }
        }
    }

    private func receive(_ head: ControlHead, _ body: [UInt8], from worker: WorkerHandle, _ now: Instant) {
        switch ControlType(rawValue: head.type) {
        case .ready:
            perform(worker.machine.reportedReady(at: now), for: worker, now)
        case .listens:
            if let place = ListensBody(decoding: body) { worker.link.opened(place.entrance, for: place.serves) }
            if worker.machine.phase == .ready { watchTakers(now, ready: worker) }
            if !worker.start.hasListened { emit(worker, .listens(after: now - worker.startedAt), now) }
            worker.start.hasListened = true
            // The proof is the knock: who takes it says ready. Where workers accept by themselves there is none to take.
            if direct == nil {
                worker.link.knock()
            } else {
                perform(worker.machine.reportedReady(at: now), for: worker, now)
            }
        case .message:
            emit(worker, .message(bytes: body.count), now)
        case .bell, .drain, nil:
            break
        }
    }

    /// Counts a packet that is not of the wire; after too many the worker's control channel is not read any more.
    private func refuse(_ error: WireError, from worker: WorkerHandle, _ now: Instant) {
        worker.refusedPackets += 1
        if worker.refusedPackets == 1 {
            emit(worker, .misbehaved(problem: "sent a control packet that is refused: \(error)"), now)
        }
        guard worker.refusedPackets >= WorkerHandle.refusalLimit else { return }
        let count = worker.refusedPackets
        let problem = "sent \(count) control packets that are refused: not listening to it any more"
        emit(worker, .misbehaved(problem: problem), now)
        setControlWatched(false, of: worker)
    }

    /// Begins a new second of a worker's allowance.
    func restControl(of worker: WorkerHandle) {
        let wasResting = worker.packetsThisSecond >= WorkerHandle.packetsPerSecond
        worker.packetsThisSecond = 0
        if wasResting, worker.refusedPackets < WorkerHandle.refusalLimit { setControlWatched(true, of: worker) }
    }

    private func setControlWatched(_ isWatched: Bool, of worker: WorkerHandle) {
        guard isWatched != worker.isControlWatched else { return }
        worker.isControlWatched = isWatched
        if isWatched {
            attempt("listen to worker \(worker.id)") { () throws(SystemError) in
                try epoll.add(worker.control.descriptor, [.readable], Source.control.token(worker.id))
            }
        } else {
            // Taken out, not set to an empty interest: a closed other end would go on reporting its hang-up.
            epoll.remove(worker.control.descriptor)
        }
    }
}
