// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import Testing

@testable import MaitredMaster

struct QueueCountTests {
    @Test func `hands raise it, reported takes and take-backs lower it`() {
        var count = QueueCount()
        for _ in 0..<5 { count.handed() }
        #expect(count.queued == 5)
        count.observe(taken: 2)
        count.tookBack()
        #expect(count.queued == 2)
        #expect(count.taken == 2)
        #expect(!count.hasUnreportedTakes)
    }

    @Test func `a take that the kernel showed first does not count again when it is reported`() {
        var count = QueueCount()
        count.handed()
        count.handed()
        count.reconcile(waiting: 1)
        #expect(count.queued == 1)
        #expect(count.hasUnreportedTakes)
        count.handed()
        count.observe(taken: 1)
        #expect(count.queued == 2)
        #expect(!count.hasUnreportedTakes)
        count.observe(taken: 3)
        #expect(count.queued == 0)
    }

    @Test func `what was taken and is not reported yet is held, for two seconds at most`() {
        var count = QueueCount()
        for _ in 0..<3 { count.handed() }
        count.observe(taken: 1)
        count.reconcile(waiting: 1)
        #expect(count.queued == 1 && count.unreported == 1)
        count.beginSecond()
        #expect(count.unreported == 1)
        count.beginSecond()
        #expect(count.unreported == 0 && !count.hasUnreportedTakes)
    }

    @Test func `who counts nothing holds one at most`() {
        var count = QueueCount()
        for _ in 0..<9 { count.handed() }
        count.reconcile(waiting: 0)
        #expect(count.unreported == 1)
    }

    @Test func `it never falls below nothing`() {
        var count = QueueCount()
        count.tookBack()
        count.observe(taken: 7)
        #expect(count.queued == 0)
        count.handed()
        #expect(count.queued == 1)
    }

    @Test func `a number that goes back is believed from there on`() {
        var count = QueueCount()
        for _ in 0..<4 { count.handed() }
        count.observe(taken: .max)
        #expect(count.queued == 0)
        count.observe(taken: 0)
        #expect(count.queued == 0)
        count.reconcile(waiting: 4)
        count.observe(taken: 1)
        #expect(count.queued == 3)
    }

    // MARK: - Against a kernel

    /// A kernel queue, a worker that receives from it and says so later, and the master's count of it.
    private struct Model {
        enum Step: CaseIterable {
            case hand, receive, reportOne, reportAll, look, takeBack, reconcile
        }

        var count = QueueCount()
        var waiting = 0
        var unreported = 0
        var reported: UInt64 = 0

        mutating func run(_ step: Step) {
            switch step {
            case .hand:
                waiting += 1
                count.handed()
            case .receive where waiting > 0:
                waiting -= 1
                unreported += 1
            case .reportOne where unreported > 0: report(1)
            case .reportAll: report(unreported)
            case .look: count.observe(taken: reported)
            case .takeBack where waiting > 0:
                waiting -= 1
                count.tookBack()
            case .reconcile: count.reconcile(waiting: waiting)
            case .receive, .reportOne, .takeBack: break
            }
        }

        private mutating func report(_ takes: Int) {
            unreported -= takes
            reported += UInt64(takes)
        }

        /// Never low; exact once everything was reported and seen.
        mutating func check(_ history: @autoclosure () -> String) {
            if count.queued < waiting { Issue.record("counted \(count.queued) of \(waiting): \(history())") }
            report(unreported)
            count.observe(taken: reported)
            if count.queued != waiting {
                Issue.record("\(count.queued) instead of \(waiting) in the end: \(history())")
            }
            if count.hasUnreportedTakes { Issue.record("owed what was reported: \(history())") }
        }
    }

    @Test func `short histories, every one: never low, and exact once everything was reported`() {
        let steps = Model.Step.allCases
        for number in 0..<117_649 {
            var model = Model()
            var rest = number
            for _ in 0..<6 {
                model.run(steps[rest % steps.count])
                rest /= steps.count
            }
            model.check("history \(number)")
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `long histories: never low, and exact once everything was reported`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var model = Model()
        for step in 0..<5000 {
            model.run(Model.Step.allCases.randomElement(using: &random)!)
            if step.isMultiple(of: 7) {
                var end = model
                end.check("seed \(seed), step \(step)")
            }
        }
        model.check("seed \(seed)")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `whatever a faulty worker reports, nothing traps and the kernel's word sets it right`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var count = QueueCount()
        for _ in 0..<2000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: count.observe(taken: random.next())
            case 1: count.observe(taken: [0, 1, .max, .max - 1, 1 << 63].randomElement(using: &random)!)
            case 2: count.handed()
            case 3: count.tookBack()
            default:
                let waiting = Int.random(in: 0..<65, using: &random)
                count.reconcile(waiting: waiting)
                #expect(count.queued == waiting)
            }
            #expect(count.queued >= 0)
        }
    }
}
