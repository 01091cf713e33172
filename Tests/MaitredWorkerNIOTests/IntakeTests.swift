// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredWorkerNIO

struct IntakeTests {
    @Test func `idle loops are asked in turn`() {
        var intake = Intake(loops: 3, listeners: 1)
        for expected in [0, 1, 2, 0] {
            #expect(intake.askLoop(now: 0) == expected)
            _ = intake.turnEnded(loop: expected, isLimited: false, now: 0)
        }
    }

    @Test func `a loop whose turn is pending is not asked again`() {
        var intake = Intake(loops: 1, listeners: 1)
        #expect(intake.watch(now: 0) == .listeners([0]))
        #expect(intake.askLoop(now: 0) == 0)
        #expect(intake.askLoop(now: 0) == nil)
        #expect(intake.watch(now: Intake.patience * 10) == .nothing(until: nil))
        #expect(intake.turnEnded(loop: 0, isLimited: false, now: 0) == true)
        #expect(intake.watch(now: 0) == .listeners([0]))
    }

    @Test func `a second loop is asked when the first does not turn in time`() {
        var intake = Intake(loops: 2, listeners: 1)
        #expect(intake.askLoop(now: 0) == 0)
        #expect(intake.watch(now: 1) == .nothing(until: Intake.patience))
        #expect(intake.watch(now: Intake.patience) == .listeners([0]))
        #expect(intake.askLoop(now: Intake.patience) == 1)
        #expect(intake.watch(now: Intake.patience * 2) == .nothing(until: nil))
    }

    @Test func `the poller is woken only when it may look at channels again`() {
        var intake = Intake(loops: 2, listeners: 1)
        _ = intake.askLoop(now: 0)
        _ = intake.watch(now: Intake.patience)
        #expect(intake.turnEnded(loop: 0, isLimited: false, now: Intake.patience) == false)
    }

    @Test func `at the descriptor limit nothing is watched for a while or until a close`() {
        var intake = Intake(loops: 1, listeners: 1)
        intake.took()
        intake.took()
        _ = intake.askLoop(now: 0)
        _ = intake.turnEnded(loop: 0, isLimited: true, now: 5)
        #expect(intake.watch(now: 5) == .nothing(until: 5 + Intake.limitPause))
        #expect(intake.closed() == true)
        #expect(intake.watch(now: 6) == .listeners([0]))
        #expect(intake.closed() == false)
        _ = intake.turnEnded(loop: 0, isLimited: true, now: 6)
        #expect(intake.watch(now: 6 + Intake.limitPause) == .listeners([0]))
    }

    @Test func `a drained server stops after its last connection and turn`() {
        var intake = Intake(loops: 2, listeners: 1)
        intake.took()
        _ = intake.askLoop(now: 0)
        #expect(intake.drain() == true)
        #expect(intake.drain() == false)
        #expect(!intake.mayTakeNext(isDrainAsked: false))
        #expect(intake.isDraining)
        #expect(intake.askLoop(now: 0) == nil)
        #expect(intake.watch(now: 0) == .nothing(until: nil))
        #expect(intake.closed() == false)
        #expect(intake.turnEnded(loop: 0, isLimited: false, now: 0) == true)
        #expect(intake.watch(now: 0) == .stop)
    }

    @Test func `an idle server that drains stops at once`() {
        var intake = Intake(loops: 1, listeners: 1)
        #expect(intake.drain() == true)
        #expect(intake.watch(now: 0) == .stop)
    }

    @Test func `without a master every channel is emptied before the end`() {
        var intake = Intake(loops: 1, listeners: 2)
        #expect(intake.masterLeft() == true)
        #expect(intake.masterLeft() == false)
        #expect(intake.mayTakeNext(isDrainAsked: true))
        #expect(intake.watch(now: 0) == .ask([0, 1]))
        #expect(intake.askLoop(now: 0) == 0)
        intake.took()
        intake.foundEmpty(listener: 0)
        _ = intake.turnEnded(loop: 0, isLimited: false, now: 0)
        #expect(intake.watch(now: 0) == .ask([1]))
        #expect(intake.askLoop(now: 0) == 0)
        intake.exhausted(listener: 1)
        #expect(intake.turnEnded(loop: 0, isLimited: false, now: 0) == false)
        #expect(intake.closed() == true)
        #expect(intake.watch(now: 0) == .stop)
    }

    @Test func `a master that leaves during a drain gives back the right to take`() {
        var intake = Intake(loops: 1, listeners: 1)
        intake.took()
        #expect(intake.drain() == true)
        #expect(intake.masterLeft() == false)
        #expect(intake.mayTakeNext(isDrainAsked: true))
        #expect(intake.watch(now: 0) == .ask([0]))
    }

    @Test func `a drain on the load page ends a turn at once`() {
        let intake = Intake(loops: 1, listeners: 1)
        #expect(intake.mayTakeNext(isDrainAsked: false))
        #expect(!intake.mayTakeNext(isDrainAsked: true))
    }

    @Test func `an empty channel of a living master stays watched`() {
        var intake = Intake(loops: 1, listeners: 1)
        intake.foundEmpty(listener: 0)
        #expect(intake.watch(now: 0) == .listeners([0]))
    }
}
