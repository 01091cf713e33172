// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

@testable import MaitredMaster

/// The loop's part before a wait.
private final class Loop {
    var clocks: Clocks

    init(_ clocks: Clocks) {
        self.clocks = clocks
    }

    /// Whether it sets the timer now.
    var setsTimer: Bool { clocks.mustSetTimer }
}

struct ClocksTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func clocks(
        stallTimeout: Duration = .milliseconds(100),
        statusInterval: Duration = .zero,
        watchdog: Duration? = nil
    ) -> Clocks {
        Clocks(now: start, stallTimeout: stallTimeout, statusInterval: statusInterval, watchdog: watchdog)
    }

    // MARK: - The timer

    @Test func `the timer is set for a moment to come, once`() {
        let loop = Loop(clocks())
        loop.clocks.wakeAt = start + .seconds(1)
        #expect(loop.setsTimer)
        #expect(!loop.setsTimer)
    }

    @Test func `an earlier moment sets it anew, a later one does not`() {
        let loop = Loop(clocks())
        loop.clocks.wakeAt = start + .seconds(10)
        #expect(loop.setsTimer)
        loop.clocks.wakeAt = start + .seconds(20)
        #expect(!loop.setsTimer)
        loop.clocks.wakeAt = start + .seconds(10)
        #expect(!loop.setsTimer)
        loop.clocks.wakeAt = start + .seconds(5)
        #expect(loop.setsTimer)
        loop.clocks.wakeAt = start + .seconds(10)
        #expect(!loop.setsTimer)
    }

    /// The wait only looks then: a timer would report it a second time.
    @Test func `a moment that has come needs no timer`() {
        let loop = Loop(clocks())
        #expect(!loop.setsTimer, "the first turn begins at once")
        loop.clocks.turnBeganAt = start + .seconds(3)
        loop.clocks.wakeAt = start + .seconds(2)
        #expect(!loop.setsTimer)
        loop.clocks.wakeAt = start + .seconds(3)
        #expect(!loop.setsTimer)
        loop.clocks.wakeAt = Instant(nanoseconds: loop.clocks.turnBeganAt.nanoseconds + 1)
        #expect(loop.setsTimer)
    }

    @Test func `nothing to wait for sets nothing`() {
        let loop = Loop(clocks())
        loop.clocks.wakeAt = .never
        #expect(!loop.setsTimer)
        loop.clocks.timerFired()
        #expect(!loop.setsTimer)
    }

    @Test func `a timer that went off is set for whatever moment comes next`() {
        let loop = Loop(clocks())
        loop.clocks.wakeAt = start + .seconds(1)
        #expect(loop.setsTimer)
        loop.clocks.timerFired()
        loop.clocks.turnBeganAt = start + .seconds(1)
        loop.clocks.wakeAt = start + .seconds(9)
        #expect(loop.setsTimer)
        #expect(!loop.setsTimer)
    }

    /// The earliest moment moved away after the timer was set: it goes off too early, and that turn sets it right.
    @Test func `a timer that goes off too early costs one turn, and no moment is missed`() {
        let loop = Loop(clocks())
        loop.clocks.wakeAt = start + .seconds(1)
        #expect(loop.setsTimer)
        loop.clocks.wakeAt = start + .seconds(2)
        #expect(!loop.setsTimer)

        loop.clocks.timerFired()
        loop.clocks.turnBeganAt = start + .seconds(1)
        #expect(loop.clocks.turnBeganAt < loop.clocks.wakeAt)
        #expect(loop.setsTimer)
    }

    // MARK: - The master's times

    @Test func `the earliest is whichever comes first of those that are set`() {
        var clocks = clocks()
        #expect(clocks.earliest == start + Clocks.sampleInterval)
        clocks.tickAt = start + .milliseconds(50)
        #expect(clocks.earliest == start + .milliseconds(50))
        clocks.netAt = start + .milliseconds(20)
        #expect(clocks.earliest == start + .milliseconds(20))
        (clocks.tickAt, clocks.netAt) = (nil, nil)
        #expect(clocks.earliest == start + Clocks.sampleInterval)
    }

    @Test func `the watchdog is told at once and then in half the time it allows`() {
        let clocks = clocks(watchdog: .seconds(30))
        #expect(clocks.watchdogAt == start)
        #expect(clocks.watchdogInterval == .seconds(15))
        #expect(clocks.earliest == start)
        #expect(self.clocks().watchdogAt == nil)
    }

    @Test func `a status line comes after its interval, and none without one`() {
        #expect(clocks(statusInterval: .milliseconds(300)).statusAt == start + .milliseconds(300))
        #expect(clocks().statusAt == nil)
    }

    @Test(arguments: [(1, 100), (100, 100), (5000, 5000)])
    func `late is later by the stall timeout, and by a tenth of a second at least`(timeout: Int, late: UInt64) {
        #expect(clocks(stallTimeout: .milliseconds(timeout)).lateNanoseconds == late * 1_000_000)
    }
}
