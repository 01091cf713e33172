// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredWorker

/// What the thread does that watches the channels and the master's messages.
///
/// It takes nothing itself: see `Intake`.
struct Poller: Sendable {
    /// Messages handled before the channels are looked at again.
    private static let messagesPerTurn = 64

    /// The attached worker.
    let worker: Worker

    /// Says what to look at.
    let gate: Gate

    /// Asks an event loop to take from listeners.
    let ask: @Sendable (_ loop: Int, _ listeners: [Int]) -> Void

    /// Hears what the master says.
    let hear: @Sendable (ControlEvent) -> Void

    /// Watches until the server is done.
    func run() {
        // A negative number makes poll(2) pass over an entry: the bell, the control channel, then the listeners.
        var entries = [pollfd](repeating: pollfd(fd: -1, events: Int16(POLLIN), revents: 0), count: 2)
        entries += worker.listeners.map { _ in pollfd(fd: -1, events: Int16(POLLIN), revents: 0) }
        entries[0].fd = gate.bell.watched
        entries[1].fd = worker.watchDescriptorOfControl
        while true {
            let watch = gate.watch()
            if watch == .stop { return }
            wait(for: watch, &entries)
            if entries[0].revents != 0 { gate.bell.silence() }
            if entries[1].revents != 0, !hearMaster() { entries[1].fd = -1 }
            let waiting = listeners(waitingIn: entries, after: watch)
            if !waiting.isEmpty, let loop = gate.askLoop() { ask(loop, waiting) }
        }
    }

    private func wait(for watch: Intake.Watch, _ entries: inout [pollfd]) {
        var watched: [Int] = []
        var timeout: CInt = -1
        switch watch {
        case .listeners(let listeners): watched = listeners
        case .ask: timeout = 0
        case .nothing(let until): timeout = until.map(Self.milliseconds(until:)) ?? -1
        case .stop: return
        }
        for listener in worker.listeners.indices {
            entries[2 + listener].fd = watched.contains(listener) ? worker.watchDescriptor(ofListener: listener) : -1
        }
        // An interrupted wait leaves the answers of the last one.
        if poll(&entries, nfds_t(entries.count), timeout) < 0 {
            for index in entries.indices { entries[index].revents = 0 }
        }
    }

    private static func milliseconds(until deadline: UInt64) -> CInt {
        let now = Gate.now()
        return deadline > now ? CInt(clamping: (deadline - now) / 1_000_000 + 1) : 0
    }

    private func listeners(waitingIn entries: [pollfd], after watch: Intake.Watch) -> [Int] {
        if case .ask(let listeners) = watch { return listeners }
        return worker.listeners.indices.filter { entries[2 + $0].revents != 0 }
    }

    /// Handles what the master said; false once it is gone.
    private func hearMaster() -> Bool {
        for _ in 0..<Self.messagesPerTurn {
            let event: ControlEvent?
            do {
                event = try worker.receive()
            } catch {
                // A packet of another version or size: skipped like a kind that is not known.
                continue
            }
            guard let event else { return true }
            hear(event)
            if event == .masterGone { return false }
        }
        return true
    }
}
