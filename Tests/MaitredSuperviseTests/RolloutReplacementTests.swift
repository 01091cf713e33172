// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSupervise

struct RolloutReplacementTests {
    @Test func `a worker is replaced by one of the same generation`() {
        var house = House.open(size: 2)
        house.replace(2)
        house.welcome(3)
        house.end(2)
        let done = result(replacement(2, 1), .done, at: house.now)
        #expect(
            house.history == [
                .startSuccessor(slot: 1), .drain(worker: 2), .stepDone(slot: 1, old: 2, new: 3), .finished(done),
            ]
        )
        #expect(house.rollout.lastReplacement == done)
        #expect(house.rollout.lastReload == nil)
        #expect(house.workers[3]?.generation == 1)
    }

    @Test func `replacements wait for each other, and none is wanted twice`() {
        var house = House.open(size: 3)
        house.replace(1, .age)
        house.replace(2, .age)
        house.replace(3, .memory)
        house.replace(1, .requests)
        house.replace(2, .requests)
        #expect(house.ids(.starting) == [4])
        house.settle()
        house.expectQuiet()
        #expect(
            house.results.map(\.request) == [
                replacement(1, 0, .age), replacement(2, 1, .age), replacement(3, 2, .memory),
            ]
        )
        #expect(house.mostAlive == 4)
    }

    @Test func `a reload goes before what waits, and answers it`() {
        var house = House.open(size: 3)
        house.replace(1)
        house.replace(3)
        house.reload()
        house.settle()
        house.expectQuiet()
        #expect(
            house.results.map(\.request) == [replacement(1, 0), replacement(3, 2), .reload(generation: 2)]
        )
        #expect(house.results.map(\.outcome) == [.done, .overtaken, .done])
    }

    @Test func `a replacement that was asked for during a failed reload follows it`() {
        var house = House.open(size: 2)
        house.reload()
        house.replace(2)
        house.end(3)
        #expect(house.ids(.starting) == [4])
        #expect(house.workers[4]?.generation == 1)
        house.settle()
        house.expectQuiet()
        #expect(house.results.map(\.outcome) == [failure(3, slot: 0), .done])
    }

    @Test func `a restart that fails is answered and forgotten`() {
        var house = House.open(size: 1)
        house.replace(1)
        house.end(2)
        #expect(house.results == [result(replacement(1, 0), failure(2, slot: 0), at: house.now)])
        #expect(house.ids(.ready) == [1])
        house.expectQuiet()
    }

    @Test func `a recycling that fails is tried again after 30 s, and others go on meanwhile`() {
        var house = House.open(size: 2)
        house.replace(1, .memory)
        house.end(3)
        #expect(house.rollout.deadline == house.now + .seconds(30))
        house.replace(2, .age)
        house.settle(for: .seconds(20))
        #expect(house.ids(.ready) == [1, 4])
        house.replace(1, .age)
        house.wait(.seconds(9))
        #expect(house.ids(.starting) == [])
        house.wait(.seconds(1))
        #expect(house.ids(.starting) == [5])
        house.settle()
        house.expectQuiet()
        #expect(house.results.map(\.outcome) == [failure(3, slot: 0), .done, .done])
    }

    @Test func `somebody who asks does not wait for that`() {
        var house = House.open(size: 1)
        house.replace(1, .memory)
        house.end(2)
        house.replace(1, .restart)
        #expect(house.ids(.starting) == [3])
        house.settle()
        #expect(house.results.last?.request == replacement(1, 0))
    }

    @Test func `a worker that ended by itself needs no replacement`() {
        var house = House.open(size: 2)
        house.replace(1)
        house.replace(2)
        house.end(2)
        #expect(house.results == [result(replacement(2, 1), .overtaken, at: house.now)])
        house.replace(2)
        house.settle()
        house.expectQuiet()
        #expect(house.results.map(\.outcome) == [.overtaken, .done, .overtaken])
    }

    @Test(arguments: [(99, 0), (1, 1), (1, 7), (2, -1)])
    func `nobody is replaced in a slot that is not theirs`(id: Int, slot: Int) {
        let house = House.open(size: 2)
        var rollout = house.rollout
        let actions = rollout.replace(id, slot: slot, cause: .restart, slots: house.slots, at: start)
        #expect(actions == [.finished(result(replacement(id, slot), .overtaken, at: start))])
    }
}

extension House {
    /// Everybody behaves for a while.
    fileprivate mutating func settle(for duration: Duration) {
        for _ in 0..<Int(duration.nanoseconds / 1_000_000_000) {
            welcomeAll()
            endAllLeaving()
            wait(.seconds(1))
        }
    }
}
