// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSupervise

struct RolloutTests {
    // MARK: - Reload

    @Test func `a reload replaces one worker after the other, each once its successor is ready`() {
        var house = House.open(size: 2)
        house.reload()
        #expect(house.history == [.startSuccessor(slot: 0)])
        #expect(house.rollout.progress(slots: house.slots) == RolloutProgress(done: 0, total: 2))
        house.welcome(3)
        #expect(house.history.last == .drain(worker: 1))
        #expect(house.rollout.progress(slots: house.slots) == RolloutProgress(done: 1, total: 2))
        house.end(1)
        #expect(house.history.suffix(2) == [.stepDone(slot: 0, old: 1, new: 3), .startSuccessor(slot: 1)])
        house.welcome(4)
        house.end(2)
        let done = result(.reload(generation: 2), .done, at: house.now)
        #expect(house.history.suffix(2) == [.stepDone(slot: 1, old: 2, new: 4), .finished(done)])
        #expect(house.rollout.lastReload == done)
        #expect(!house.rollout.isReloading)
        #expect(house.rollout.progress(slots: house.slots) == nil)
        #expect(house.mostAlive == 3)
        house.expectQuiet()
    }

    @Test(arguments: 1...20)
    func `a reload whose workers become ready replaces each exactly once`(size: Int) {
        var house = House.open(size: size, spread: .seconds(size % 3))
        house.reload()
        house.settle()
        house.expectQuiet()
        let drained = house.history.compactMap { if case .drain(let id) = $0 { id } else { nil } }
        #expect(drained == Array(1...size))
        #expect(house.ids(.ready) == Array((size + 1)...(2 * size)))
        #expect(house.workers.values.allSatisfy { $0.generation == 2 })
        #expect(house.mostAlive == size + 1)
    }

    @Test func `a successor that fails ends the reload, and the others stay`() {
        var house = House.open(size: 3)
        house.reload()
        house.welcome(4)
        house.end(1)
        house.end(5)
        let failed = result(.reload(generation: 2), failure(5, slot: 1), at: house.now)
        #expect(house.history.last == .aborted(failed, revertTo: 1))
        #expect(house.rollout.lastReload == failed)
        #expect(house.ids(.ready) == [2, 3, 4])
        // Who is started now gets what worked.
        house.end(4)
        house.settle()
        #expect(house.workers.values.allSatisfy { $0.generation == 1 })
        house.expectQuiet()
    }

    @Test func `a command that cannot be started ends the reload at once`() {
        var house = House.open(size: 4)
        house.brokenGenerations = [2]
        house.reload()
        #expect(house.results == [result(.reload(generation: 2), failure(5, slot: 0), at: house.now)])
        #expect(house.ids(.ready) == [1, 2, 3, 4])
        house.reload()
        house.settle()
        #expect(house.workers.values.allSatisfy { $0.generation == 3 })
        house.expectQuiet()
    }

    @Test func `steps are spaced by the spread, counted from the exit of the old worker`() {
        var house = House.open(size: 2, spread: .seconds(10))
        house.reload()
        house.welcome(3)
        house.wait(.seconds(60))
        #expect(house.ids(.starting) == [])
        house.end(1)
        #expect(house.rollout.deadline == house.now + .seconds(10))
        house.wait(.seconds(9))
        #expect(house.ids(.starting) == [])
        house.wait(.seconds(1))
        #expect(house.ids(.starting) == [4])
        house.welcome(4)
        house.end(2)
        // Nobody waits for a spread after the last one.
        #expect(house.results.map(\.outcome) == [.done])
    }

    @Test func `slots without a worker come first, and need no second process`() {
        var house = House.open(size: 3)
        for id in [3, 4, 5, 6] {
            house.end(id)
            house.wait(.seconds(5))
        }
        for id in house.ids(.starting) { house.end(id) }
        house.reload()
        #expect(house.history.first == .startSuccessor(slot: 2))
        house.settle()
        house.expectQuiet()
        #expect(house.pool.failedSlots == [])
        #expect(house.workers.values.allSatisfy { $0.generation == 2 })
        #expect(house.mostAlive == 4)
    }

    @Test func `a slot that failed is tried by a reload, and its failure ends it`() {
        var house = House.open(size: 2)
        house.end(2)
        while house.pool.failedSlots.isEmpty {
            house.wait(.seconds(30))
            for id in house.ids(.starting) { house.end(id) }
        }
        house.reload()
        let id = house.ids(.starting)[0]
        house.end(id)
        #expect(house.results.map(\.outcome) == [failure(id, slot: 1)])
        #expect(house.ids(.ready) == [1])
    }

    @Test func `a worker that the pool started meanwhile counts once it is ready`() {
        var house = House.open(size: 2)
        house.reload()
        house.end(2)
        house.wait(.seconds(1))
        #expect(house.ids(.starting) == [3, 4])
        house.welcome(3)
        house.end(1)
        // Slot 1 has its worker of generation 2, and it is waited for.
        #expect(house.rollout.isReloading)
        house.welcome(4)
        #expect(house.results.map(\.outcome) == [.done])
        #expect(house.ids(.ready) == [3, 4])
    }

    @Test func `and ends the reload when it does not become ready`() {
        var house = House.open(size: 2)
        house.reload()
        house.end(2)
        house.wait(.seconds(1))
        house.welcome(3)
        house.end(1)
        house.end(4)
        #expect(house.results.map(\.outcome) == [failure(4, slot: 1)])
    }

    @Test func `when the old worker crashes first its successor has the slot, and nothing is drained`() {
        var house = House.open(size: 1)
        house.reload()
        house.end(1)
        house.wait(.seconds(60))
        #expect(house.ids(.starting) == [2])
        house.welcome(2)
        #expect(
            house.history == [
                .startSuccessor(slot: 0), .stepDone(slot: 0, old: 1, new: 2),
                .finished(result(.reload(generation: 2), .done, at: house.now)),
            ]
        )
    }

    @Test func `a new worker that crashes later is the pool's business`() {
        var house = House.open(size: 2)
        house.reload()
        house.welcome(3)
        house.end(1)
        house.end(3)
        house.welcome(4)
        house.end(2)
        #expect(house.results.map(\.outcome) == [.done])
        house.settle()
        house.expectQuiet()
    }

    @Test func `a reload during a reload moves the target`() {
        var house = House.open(size: 2)
        house.reload()
        house.welcome(3)
        house.reload()
        #expect(house.results == [result(.reload(generation: 2), .overtaken, at: house.now)])
        house.settle()
        house.expectQuiet()
        #expect(house.workers.values.allSatisfy { $0.generation == 3 })
        #expect(house.results.map(\.outcome) == [.overtaken, .done])
    }

    @Test func `the failure of a former target is nobody's`() {
        var house = House.open(size: 2)
        house.reload()
        house.reload()
        house.end(3)
        #expect(house.rollout.isReloading)
        house.settle()
        #expect(house.results.map(\.outcome) == [.overtaken, .done])
        #expect(house.workers.values.allSatisfy { $0.generation == 3 })
    }

    @Test func `an abort goes back to what was last rolled out`() {
        var house = House.open(size: 1)
        house.reload()
        house.settle()
        house.reload()
        house.reload()
        house.end(house.ids(.starting)[0])
        house.end(house.ids(.starting)[0])
        guard case .aborted(_, let generation)? = house.history.last else {
            Issue.record("not aborted")
            return
        }
        #expect(generation == 2)
    }

    @Test func `the size may change during a reload`() {
        var house = House.open(size: 3)
        house.reload()
        house.scale(to: 5)
        house.wait(.zero)
        house.settle()
        house.expectQuiet()
        #expect(house.ids(.ready).count == 5)
        #expect(house.workers.values.allSatisfy { $0.generation == 2 })

        house.reload()
        // The slot of the step goes away, and with it the successor: no failure.
        house.scale(to: 0)
        house.settle()
        house.scale(to: 2)
        house.settle()
        house.expectQuiet()
        #expect(house.results.map(\.outcome) == [.done, .done])
    }

    // MARK: - The end

    @Test func `everything is answered when the rollout is cancelled, and nothing begins any more`() {
        var house = House.open(size: 3)
        house.replace(1)
        house.replace(2)
        house.reload()
        house.cancel()
        #expect(house.results.map(\.request) == [.reload(generation: 2), replacement(1, 0), replacement(2, 1)])
        #expect(house.results.allSatisfy { $0.outcome == .cancelled })
        house.reload()
        house.replace(3)
        #expect(house.results.suffix(2).allSatisfy { $0.outcome == .cancelled })
        house.welcomeAll()
        house.end(1)
        house.wait(.seconds(1000))
        #expect(house.history.count == 6)
        #expect(house.rollout.deadline == nil)
    }

    @Test func `a successor that nobody asked for is a mistake of the caller`() async {
        await #expect(processExitsWith: .failure) {
            var rollout = Rollout(spread: .zero)
            rollout.successorStarted(1)
        }
    }

    // MARK: - Every sequence

    @Test(arguments: 1...200)
    func `whatever happens, the rollout ends, everybody is answered, and every slot has its worker`(seed: UInt64) {
        var generator = Seeded(seed)
        var house = House.open(size: Int.random(in: 1...4, using: &generator), spread: .seconds(Int64(seed % 3)))
        for _ in 0..<150 { house.happen(using: &generator) }
        house.brokenGenerations = []
        house.revive()
        house.settle()
        house.expectQuiet()
        #expect(house.pool.failedSlots == [])
    }
}

extension House {
    /// Something happens to somebody.
    fileprivate mutating func happen(using generator: inout Seeded) {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: reload()
        case 1:
            brokenGenerations = [pool.generation + 1]
            reload()
        case 2: brokenGenerations = []
        case 3: if let id = ids(.ready).randomElement(using: &generator) { replace(id, .restart) }
        case 4: if let id = ids(.ready).randomElement(using: &generator) { replace(id, .memory) }
        case 5: if let id = workers.keys.sorted().randomElement(using: &generator) { replace(id, .age) }
        case 6: scale(to: Int.random(in: 1...5, using: &generator))
        case 7: if let id = ids(.ready).randomElement(using: &generator) { end(id) }
        case 8: if let id = workers.keys.sorted().randomElement(using: &generator) { end(id) }
        case 9, 10: if let id = ids(.starting).randomElement(using: &generator) { end(id) }
        case 11...13: if let id = ids(.starting).randomElement(using: &generator) { welcome(id) }
        case 14...16: if let id = ids(.leaving).randomElement(using: &generator) { end(id) }
        case 17: wait(.seconds(31))
        default: wait(.milliseconds(Int64.random(in: 0...3000, using: &generator)))
        }
    }
}
