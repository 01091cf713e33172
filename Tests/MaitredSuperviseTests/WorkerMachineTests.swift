// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSupervise

private let timeouts = WorkerTimeouts(start: .seconds(30), drain: .seconds(10), kill: .seconds(5))

/// What can happen to a worker, but its exit.
private enum Event: CaseIterable {
    case ready, drain, drainOwnFault, emptied, idle, hurried, killed, beforeDeadline, atDeadline
}

/// The states that behave differently, each reached at `start`.
private enum Life: CaseIterable {
    case starting, ready, draining, requested, stopping, killed, exited

    /// A worker in this state.
    var machine: WorkerMachine {
        var machine = WorkerMachine(timeouts: timeouts, at: start)
        if self == .starting { return machine }
        _ = machine.reportedReady(at: start)
        if self == .ready { return machine }
        _ = machine.drainRequested(at: start)
        if self == .draining { return machine }
        _ = machine.queueEmptied()
        if self == .requested { return machine }
        _ = machine.becameIdle(at: start)
        if self == .stopping { return machine }
        _ = machine.hurried(at: start)
        if self == .exited { _ = machine.exited(at: start) }
        return machine
    }
}

/// What an event must do: the actions, the phase after it, and the deadline counted from the event.
private struct Effect {
    let actions: [WorkerAction]
    let phase: WorkerMachine.Phase
    let deadline: Duration?
}

/// Every pair of state and event that changes anything; the others must change nothing. All but the deadline events
/// come one second after the state was reached.
private func effect(of event: Event, in life: Life) -> Effect? {
    switch (life, event) {
    case (.starting, .ready): Effect(actions: [.enterRotation], phase: .ready, deadline: nil)
    case (.starting, .drain), (.starting, .drainOwnFault), (.starting, .hurried):
        Effect(actions: [.stop], phase: .stopping, deadline: .seconds(5))
    case (.starting, .atDeadline): Effect(actions: [.reportStartTimeout, .kill], phase: .stopping, deadline: nil)

    case (.ready, .killed): Effect(actions: [.leaveRotation, .kill], phase: .stopping, deadline: nil)
    case (.starting, .killed), (.draining, .killed), (.requested, .killed), (.stopping, .killed):
        Effect(actions: [.kill], phase: .stopping, deadline: nil)

    case (.ready, .drain), (.ready, .drainOwnFault), (.ready, .hurried):
        Effect(actions: [.leaveRotation], phase: .draining, deadline: .seconds(10))

    // The drain timeout goes on where it was.
    case (.draining, .emptied): Effect(actions: [.requestDrain], phase: .draining, deadline: .seconds(9))
    case (.draining, .hurried), (.draining, .atDeadline):
        Effect(actions: [.stop], phase: .stopping, deadline: .seconds(5))

    case (.requested, .idle), (.requested, .hurried), (.requested, .atDeadline):
        Effect(actions: [.stop], phase: .stopping, deadline: .seconds(5))

    case (.stopping, .hurried), (.stopping, .atDeadline): Effect(actions: [.kill], phase: .stopping, deadline: nil)
    case (.killed, .hurried): Effect(actions: [.kill], phase: .stopping, deadline: nil)
    default: nil
    }
}

extension WorkerMachine {
    /// Lets an event happen.
    fileprivate mutating func on(_ event: Event, at now: Instant) -> [WorkerAction] {
        switch event {
        case .ready: reportedReady(at: now)
        case .drain: drainRequested(at: now)
        case .drainOwnFault: drainRequested(at: now, isOwnFault: true)
        case .emptied: queueEmptied()
        case .idle: becameIdle(at: now)
        case .hurried: hurried(at: now)
        case .killed: killed(at: now)
        case .beforeDeadline, .atDeadline: timePassed(at: now)
        }
    }

    /// When an event of a table or a sequence happens: a second after `now`, or around the deadline.
    fileprivate func moment(of event: Event, after now: Instant) -> Instant {
        let due = deadline ?? now + .seconds(86_400)
        return switch event {
        case .beforeDeadline: Instant(nanoseconds: due.nanoseconds - 1)
        case .atDeadline: due
        default: min(now + .seconds(1), due)
        }
    }
}

struct WorkerMachineTests {
    @Test(arguments: Life.allCases, Event.allCases)
    private func `every event in every state does what the table says, and nothing else`(life: Life, event: Event) {
        var machine = life.machine
        let before = machine
        let now = machine.moment(of: event, after: start)
        let actions = machine.on(event, at: now)
        guard let effect = effect(of: event, in: life) else {
            #expect(actions == [])
            #expect(machine == before)
            return
        }
        #expect(actions == effect.actions)
        #expect(machine.phase == effect.phase)
        #expect(machine.deadline == effect.deadline.map { now + $0 })
    }

    @Test func `the phases have the names that status shows`() {
        #expect(
            Life.allCases.map(\.machine.phase.rawValue) == [
                "starting", "ready", "draining", "draining", "stopping", "stopping", "exited",
            ]
        )
    }

    @Test func `a deadline counts even when it is noticed much later`() {
        var machine = Life.draining.machine
        #expect(machine.timePassed(at: seconds(500)) == [.stop])
        #expect(machine.deadline == seconds(505))
        #expect(machine.timePassed(at: seconds(500)) == [])
        #expect(machine.timePassed(at: seconds(1000)) == [.kill])
        #expect(machine.timePassed(at: .never) == [])
    }

    @Test func `timeouts of nothing are due at once, and those beyond all time never`() {
        var hasty = WorkerMachine(timeouts: WorkerTimeouts(start: .zero, drain: .zero, kill: .zero), at: start)
        #expect(hasty.timePassed(at: start) == [.reportStartTimeout, .kill])
        let long = Duration.seconds(Int64.max)
        var patient = WorkerMachine(timeouts: WorkerTimeouts(start: long, drain: long, kill: long), at: start)
        #expect(patient.deadline == .never)
        #expect(patient.timePassed(at: seconds(1e9)) == [])
    }

    @Test(arguments: [(3.0, 3.0), (10.0, 10.0), (60.0, 10.0), (0.0, 0.0)])
    func `a drain ends with its own timeout or when everything must have ended`(latest: Double, deadline: Double) {
        var machine = Life.ready.machine
        #expect(machine.drainRequested(at: start, until: seconds(latest)) == [.leaveRotation])
        #expect(machine.deadline == seconds(deadline))
        #expect(machine.timePassed(at: seconds(deadline)) == [.stop])
    }

    @Test func `how long it took to become ready is known from then on`() {
        var machine = WorkerMachine(timeouts: timeouts, at: start)
        #expect(machine.startDuration == nil)
        _ = machine.reportedReady(at: seconds(2))
        #expect(machine.startDuration == .seconds(2))
        _ = machine.reportedReady(at: seconds(9))
        _ = machine.exited(at: seconds(20))
        #expect(machine.startDuration == .seconds(2))
    }

    // MARK: - Sequences

    @Test func `asked four times, it is drained, stopped and killed without waiting`() {
        var machine = Life.ready.machine
        #expect(machine.hurried(at: seconds(1)) == [.leaveRotation])
        #expect(machine.hurried(at: seconds(1)) == [.stop])
        #expect(machine.hurried(at: seconds(1)) == [.kill])
        #expect(machine.deadline == nil)
        #expect(machine.exited(at: seconds(2)) == WorkerEnd(wasAsked: true, readyFor: .seconds(1), wasKilled: true))
    }

    @Test func `one that was starting is stopped, then killed`() {
        var machine = Life.starting.machine
        #expect(machine.hurried(at: seconds(1)) == [.stop])
        #expect(machine.hurried(at: seconds(1)) == [.kill])
        #expect(machine.exited(at: seconds(2)) == WorkerEnd(wasAsked: true, readyFor: nil, wasKilled: true))
    }

    @Test func `ready that comes after the stop changes nothing`() {
        var machine = Life.starting.machine
        _ = machine.drainRequested(at: seconds(1))
        #expect(machine.reportedReady(at: seconds(2)) == [])
        #expect(machine.startDuration == nil)
        #expect(machine.exited(at: seconds(3)) == WorkerEnd(wasAsked: true, readyFor: nil, wasKilled: false))
    }

    @Test func `it is told to drain only once, and idle counts only after that`() {
        var machine = Life.draining.machine
        #expect(machine.becameIdle(at: seconds(1)) == [])
        #expect(machine.queueEmptied() == [.requestDrain])
        #expect(machine.queueEmptied() == [])
        #expect(machine.becameIdle(at: seconds(2)) == [.stop])
        #expect(machine.becameIdle(at: seconds(3)) == [])
        #expect(machine.deadline == seconds(7))
    }

    // MARK: - Ends

    @Test func `an exit nobody asked for is the slot's to answer for`() {
        var ready = Life.ready.machine
        #expect(ready.exited(at: seconds(3)) == WorkerEnd(wasAsked: false, readyFor: .seconds(3), wasKilled: false))
        var starting = Life.starting.machine
        #expect(starting.exited(at: seconds(3)) == WorkerEnd(wasAsked: false, readyFor: nil, wasKilled: false))
        var late = Life.starting.machine
        _ = late.timePassed(at: seconds(30))
        #expect(late.exited(at: seconds(31)) == WorkerEnd(wasAsked: false, readyFor: nil, wasKilled: true))
    }

    @Test func `a drain for the worker's own fault is not asked, and draining is not being ready`() {
        var machine = Life.ready.machine
        _ = machine.drainRequested(at: start + .milliseconds(200), isOwnFault: true)
        // Somebody may hurry it, or ask again: that makes it no better.
        _ = machine.drainRequested(at: seconds(1))
        _ = machine.hurried(at: seconds(4))
        #expect(
            machine.exited(at: seconds(9))
                == WorkerEnd(wasAsked: false, readyFor: .milliseconds(200), wasKilled: false)
        )
    }

    @Test func `one that is killed because it hangs was not asked, and was ready until then`() {
        var hung = Life.ready.machine
        #expect(hung.killed(at: seconds(40)) == [.leaveRotation, .kill])
        #expect(hung.exited(at: seconds(41)) == WorkerEnd(wasAsked: false, readyFor: .seconds(40), wasKilled: true))
        var starting = Life.starting.machine
        _ = starting.killed(at: seconds(1))
        #expect(starting.exited(at: seconds(2)) == WorkerEnd(wasAsked: false, readyFor: nil, wasKilled: true))
    }

    @Test func `one that was on its way out stays asked when it is killed`() {
        for life in [Life.draining, .requested, .stopping] {
            var machine = life.machine
            #expect(machine.killed(at: seconds(1)) == [.kill])
            #expect(machine.exited(at: seconds(2)) == WorkerEnd(wasAsked: true, readyFor: .zero, wasKilled: true))
        }
    }

    @Test func `since when it is ready is known only while it is`() {
        for life in Life.allCases {
            #expect(life.machine.readySince == (life == .ready ? start : nil))
        }
    }

    @Test func `a worker exits once`() async {
        await #expect(processExitsWith: .failure) {
            var machine = Life.exited.machine
            _ = machine.exited(at: start)
        }
    }

    // MARK: - Slept clocks

    @Test func `when the machine slept, a start begins anew and nothing else does`() {
        for life in Life.allCases {
            var machine = life.machine
            let before = machine
            machine.restartClocks(at: seconds(100), after: .seconds(90))
            if life == .starting {
                #expect(machine.deadline == seconds(130))
                #expect(machine.timePassed(at: seconds(129)) == [])
                #expect(machine.timePassed(at: seconds(130)) == [.reportStartTimeout, .kill])
            } else {
                #expect(machine == before)
            }
        }
    }

    // MARK: - Every sequence

    @Test func `no sequence of events breaks the order of a life`() {
        var count = 0
        forEverySequence(of: Event.allCases, length: 5) { events in
            var history = History()
            for event in events { history.happen(event) }
            history.finish()
            count += 1
        }
        #expect(count == 9 * 9 * 9 * 9 * 9)
    }
}

/// One life, and what must hold after each of its events.
private struct History {
    private var machine = WorkerMachine(timeouts: timeouts, at: start)
    private var now = start
    private var actions: [WorkerAction] = []

    /// Who asked first, nil while nobody did.
    private var firstAsk: Event?

    private static let order: [WorkerMachine.Phase] = [.starting, .ready, .draining, .stopping, .exited]

    mutating func happen(_ event: Event) {
        let before = machine
        now = machine.moment(of: event, after: now)
        let new = machine.on(event, at: now)
        actions += new

        let phases = [before.phase, machine.phase].compactMap(Self.order.firstIndex)
        if phases[0] > phases[1] { Issue.record("\(event) went back from \(before.phase) to \(machine.phase)") }
        let mustHaveDeadline = machine.phase != .ready && machine.phase != .exited && !actions.contains(.kill)
        if (machine.deadline != nil) != mustHaveDeadline { Issue.record("deadline after \(event) in \(before)") }
        if let deadline = machine.deadline, deadline < now {
            Issue.record("a deadline that has passed already, after \(event) in \(before)")
        }
        if new == [], machine != before { Issue.record("\(event) in \(before) changed the state in silence") }
        if firstAsk == nil, [.starting, .ready].contains(before.phase),
            [.drain, .drainOwnFault, .hurried, .killed].contains(event)
        {
            firstAsk = event
        }
    }

    /// However it got here, its deadlines alone end the worker; then the whole life is looked at.
    mutating func finish() {
        if machine.phase == .ready { happen(.drain) }
        for _ in 0..<3 where machine.deadline != nil { happen(.atDeadline) }
        let end = machine.exited(at: now)
        // Hurrying again may repeat it; nothing else comes twice, nor after it.
        if actions.last != .kill { Issue.record("not killed in the end: \(actions)") }
        let single = actions.filter { $0 != .kill }
        if Set(single.map { "\($0)" }).count != single.count { Issue.record("an action came twice: \(actions)") }
        if actions.firstIndex(of: .kill).map({ actions[$0...].contains { $0 != .kill } }) ?? false {
            Issue.record("something came after the kill: \(actions)")
        }
        let legal: [WorkerAction] = [.enterRotation, .leaveRotation, .requestDrain, .stop, .reportStartTimeout]
        let places = single.compactMap(legal.firstIndex)
        if places != places.sorted() { Issue.record("out of order: \(actions)") }
        if actions.contains(.enterRotation) != actions.contains(.leaveRotation) {
            Issue.record("left a rotation that it was not in, or stayed: \(actions)")
        }
        if end.wasAsked != (firstAsk == .drain || firstAsk == .hurried) { Issue.record("asked: \(end), \(actions)") }
        if !end.wasKilled { Issue.record("killed, and does not know") }
        if (end.readyFor != nil) != actions.contains(.enterRotation) { Issue.record("ready: \(end), \(actions)") }
    }
}
