// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

private let stall = Duration.milliseconds(100)

extension ProgressLadder {
    /// Looks at a queue that became non-empty at `since` milliseconds.
    fileprivate mutating func look(
        _ queued: Int,
        since: Int = 0,
        taken: UInt64 = 0,
        at now: Int
    ) -> Bool {
        observed(
            queued: queued,
            queuedSince: milliseconds(since),
            taken: taken,
            stallTimeout: stall,
            at: milliseconds(now)
        )
    }
}

struct ProgressLadderTests {
    /// A worker that has taken nothing since the start, and is busy from 100 ms on.
    private func busyLadder() -> ProgressLadder {
        var ladder = ProgressLadder()
        #expect(ladder.look(3, at: 50) == false)
        #expect(ladder.look(3, at: 100) == true)
        #expect(ladder.verified(waiting: 3, expected: 3, at: milliseconds(100)) == true)
        return ladder
    }

    @Test func `a worker with nothing queued is never asked about`() {
        var ladder = ProgressLadder()
        for now in stride(from: 0, through: 10_000, by: 50) { #expect(ladder.look(0, at: now) == false) }
        #expect(ladder == ProgressLadder())
    }

    @Test func `the kernel is asked once nothing was taken for the stall timeout, not a moment before`() {
        var ladder = ProgressLadder()
        #expect(ladder.look(1, since: 10, at: 50) == false)
        #expect(ladder.look(1, since: 10, at: 109) == false)
        #expect(ladder.look(1, since: 10, at: 110) == true)
        #expect(!ladder.isBusy)
    }

    @Test func `the wait counts from when the queue became non-empty, not from the first look`() {
        var ladder = ProgressLadder()
        #expect(ladder.look(1, since: 0, at: 100) == true)
    }

    @Test func `a queue that was empty in between begins a new wait`() {
        var ladder = ProgressLadder()
        #expect(ladder.look(1, since: 0, at: 50) == false)
        #expect(ladder.look(1, since: 90, at: 150) == false)
        #expect(ladder.look(1, since: 90, at: 190) == true)
        #expect(ladder.look(0, since: 90, at: 200) == false)
        #expect(ladder.look(1, since: 205, at: 250) == false)
    }

    @Test func `taking something begins a new wait although the queue was never empty`() {
        var ladder = ProgressLadder()
        for tick in 1...100 {
            #expect(ladder.look(5, since: 0, taken: UInt64(tick), at: 50 * tick) == false)
        }
        #expect(ladder.look(5, since: 0, taken: 100, at: 5050) == false)
        #expect(ladder.look(5, since: 0, taken: 100, at: 5100) == true)
    }

    @Test func `a queue that became non-empty in the future is not stalled`() {
        var ladder = ProgressLadder()
        #expect(
            ladder.observed(queued: 1, queuedSince: .never, taken: 0, stallTimeout: stall, at: milliseconds(500))
                == false
        )
    }

    // MARK: - Verify

    @Test func `what really waits makes it busy, since it last took something`() {
        let ladder = busyLadder()
        #expect(ladder.isBusy)
        #expect(ladder.busySince == start)
    }

    @Test(arguments: [4, 100])
    func `more waiting than was counted is no reason to spare it`(waiting: Int) {
        var ladder = ProgressLadder()
        #expect(ladder.look(3, at: 100) == true)
        #expect(ladder.verified(waiting: waiting, expected: 3, at: milliseconds(100)) == true)
    }

    @Test func `an empty channel means that it took everything`() {
        var ladder = ProgressLadder()
        #expect(ladder.look(3, at: 100) == true)
        #expect(ladder.verified(waiting: 0, expected: 3, at: milliseconds(100)) == false)
        #expect(ladder == ProgressLadder())
    }

    @Test func `less waiting than counted means that it took something and did not say so`() {
        var ladder = ProgressLadder()
        #expect(ladder.look(3, at: 100) == true)
        #expect(ladder.verified(waiting: 2, expected: 3, at: milliseconds(100)) == false)
        #expect(!ladder.isBusy)
        #expect(ladder.look(2, at: 199) == false)
        #expect(ladder.look(2, at: 200) == true)
    }

    @Test func `an answer that nobody waits for changes nothing`() {
        var idle = ProgressLadder()
        #expect(idle.verified(waiting: 5, expected: 5, at: milliseconds(500)) == false)
        #expect(idle == ProgressLadder())
        var busy = busyLadder()
        #expect(busy.verified(waiting: 5, expected: 5, at: milliseconds(500)) == false)
        #expect(busy.verified(waiting: 0, expected: 5, at: milliseconds(500)) == false)
        #expect(busy.busySince == start)
    }

    // MARK: - Busy

    @Test func `no observation ends being busy, nor asks again`() {
        var ladder = busyLadder()
        #expect(ladder.look(3, at: 150) == false)
        #expect(ladder.look(0, taken: 9, at: 5000) == false)
        #expect(ladder.isBusy)
    }

    @Test func `taking something ends being busy, and says how long it was`() {
        var ladder = busyLadder()
        #expect(ladder.progressed(at: milliseconds(350)) == .milliseconds(350))
        #expect(!ladder.isBusy)
        #expect(ladder.busySince == nil)
        #expect(ladder.progressed(at: milliseconds(400)) == nil)
    }

    @Test func `a report of takes tells that a busy worker is back, one that is not busy needs none`() {
        let ladder = busyLadder()
        #expect(!ladder.hasTaken(0))
        #expect(ladder.hasTaken(1))
        #expect(!ProgressLadder().hasTaken(1))
    }

    @Test func `one that is back gets the whole stall timeout, however long its queue has been waiting`() {
        var ladder = busyLadder()
        _ = ladder.progressed(at: milliseconds(350))
        #expect(ladder.look(2, since: 0, taken: 1, at: 400) == false)
        #expect(ladder.look(2, since: 0, taken: 1, at: 449) == false)
        #expect(ladder.look(2, since: 0, taken: 1, at: 450) == true)
    }

    // MARK: - Slept clocks

    @Test func `when the machine slept, every wait begins anew`() {
        var waiting = ProgressLadder()
        #expect(waiting.look(3, at: 50) == false)
        waiting.restartClocks(at: milliseconds(60_000))
        #expect(waiting.look(3, at: 60_050) == false)
        #expect(waiting.look(3, at: 60_100) == true)

        var unseen = ProgressLadder()
        unseen.restartClocks(at: milliseconds(60_000))
        #expect(unseen.look(3, since: 0, at: 60_099) == false)
        #expect(unseen.look(3, since: 0, at: 60_100) == true)
    }

    @Test func `a sleep ends no busy time`() {
        var ladder = busyLadder()
        ladder.restartClocks(at: milliseconds(60_000))
        #expect(ladder.busySince == start)
        #expect(ladder.progressed(at: milliseconds(60_010)) == .milliseconds(60_010))
    }

    // MARK: - Every sequence

    /// What can happen between two looks, 40 ms apart.
    private enum Step: CaseIterable {
        case nothing, hand, takeAndSay, takeInSilence, takeBackAll, sleep
    }

    @Test func `in every sequence, busy comes from the kernel's word alone and from nothing taken in time`() {
        forEverySequence(of: Step.allCases, length: 6) { steps in
            var model = Model()
            for step in steps { model.run(step) }
        }
    }

    /// A worker with a true queue, a count that knows what is reported, and the master's loop around its ladder.
    private struct Model {
        var ladder = ProgressLadder()
        var now = 0
        var queued = 1
        var counted = 1
        var queuedSince = 0
        var taken: UInt64 = 0
        /// When it last took something, the queue began, or the machine woke up: being busy counts from here.
        var lastMove = 0

        mutating func run(_ step: Step) {
            now += 40
            switch step {
            case .nothing: break
            case .hand: hand()
            case .takeAndSay: take(andSay: true)
            case .takeInSilence: take(andSay: false)
            case .takeBackAll: (queued, counted) = (0, 0)
            case .sleep:
                now += 60_000
                lastMove = now
                ladder.restartClocks(at: milliseconds(now))
            }
            tick()
        }

        private mutating func hand() {
            if counted == 0 { queuedSince = now }
            if queued == 0 { lastMove = now }
            queued += 1
            counted += 1
        }

        private mutating func take(andSay isSaid: Bool) {
            guard queued > 0 else { return }
            queued -= 1
            lastMove = now
            guard isSaid else { return }
            taken += 1
            counted = max(0, counted - 1)
        }

        private mutating func tick() {
            if ladder.isBusy {
                if queued < counted || ladder.hasTaken(taken) { _ = ladder.progressed(at: milliseconds(now)) }
                counted = queued
                return
            }
            let mustAsk = ladder.look(counted, since: queuedSince, taken: taken, at: now)
            if ladder.isBusy { Issue.record("busy on a counter's word") }
            guard mustAsk else {
                if queued > 0, now - lastMove >= 200 {
                    Issue.record("\(now - lastMove) ms without a take, and not asked")
                }
                return
            }
            let isBusy = ladder.verified(waiting: queued, expected: counted, at: milliseconds(now))
            counted = queued
            if isBusy != ladder.isBusy { Issue.record("said one thing and did another") }
            if isBusy, queued == 0 { Issue.record("busy with nothing to take") }
            if isBusy, now - lastMove < 100 { Issue.record("busy \(now - lastMove) ms after a take") }
        }
    }
}
