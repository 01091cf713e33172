// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredMaster

struct AcceptBurstTests {
    /// Turns at a load that has `waiting` connections for each, of which one that accepts fewer leaves the rest to epoll.
    ///
    /// - Returns: How many turns tried to accept more than there were.
    @discardableResult
    private func serve(_ turns: Int, waiting: Int, _ burst: inout AcceptBurst) -> Int {
        var failed = 0
        for _ in 0..<turns {
            if burst.size > waiting {
                failed += 1
                burst.fellShort()
            } else {
                burst.wasFull()
            }
        }
        return failed
    }

    /// Full turns until it allows more, that one included.
    private func turnsUntilGrown(_ burst: inout AcceptBurst) -> Int {
        let before = burst.size
        var turns = 0
        while burst.size == before {
            burst.wasFull()
            turns += 1
        }
        return turns
    }

    @Test func `it begins with one, and doubles after every few full turns up to the bound`() {
        var burst = AcceptBurst()
        #expect(burst.size == 1)
        var expected = 1
        while expected < Handoff.stepsPerTurn {
            for _ in 1..<AcceptBurst.leastPatience { burst.wasFull() }
            #expect(burst.size == expected)
            burst.wasFull()
            expected *= 2
            #expect(burst.size == expected)
        }
        for _ in 0..<10_000 { burst.wasFull() }
        #expect(burst.size == Handoff.stepsPerTurn)
    }

    @Test func `a turn that falls short halves it, down to one`() {
        var burst = AcceptBurst()
        serve(1000, waiting: .max, &burst)
        var sizes: [Int] = []
        for _ in 0..<8 {
            burst.fellShort()
            sizes.append(burst.size)
        }
        #expect(sizes == [32, 16, 8, 4, 2, 1, 1, 1])
    }

    @Test func `each try in vain doubles the wait for the next, up to the longest`() {
        var burst = AcceptBurst()
        let waits = (0..<9).map { _ in
            let turns = turnsUntilGrown(&burst)
            burst.fellShort()
            return turns
        }
        #expect(waits == [4, 16, 32, 64, 128, 256, 256, 256, 256])
        #expect(waits.first == AcceptBurst.leastPatience)
        #expect(waits.last == AcceptBurst.mostPatience)
    }

    @Test func `each try that finds more halves the wait for the next, down to the shortest`() {
        var burst = AcceptBurst()
        for _ in 0..<10 { burst.fellShort() }
        let waits = (0..<6).map { _ in turnsUntilGrown(&burst) }
        #expect(waits == [256, 128, 64, 32, 16, 8])
        #expect(burst.size == Handoff.stepsPerTurn)
    }

    /// However long it was quiet before.
    @Test func `a flood reaches the bound within twice the longest patience`() {
        for quietTurns in [0, 1, 100, 10_000] {
            var burst = AcceptBurst()
            serve(quietTurns, waiting: 1, &burst)
            serve(2 * AcceptBurst.mostPatience, waiting: .max, &burst)
            #expect(burst.size == Handoff.stepsPerTurn)
        }
    }

    @Test func `at one connection a wakeup it tries for more at most once in the longest patience`() {
        var burst = AcceptBurst()
        // Until it has learned.
        serve(1000, waiting: 1, &burst)
        let turns = 100 * AcceptBurst.mostPatience
        #expect((1...100).contains(serve(turns, waiting: 1, &burst)))
        #expect(burst.size <= 2)
    }

    @Test(arguments: 1...Handoff.stepsPerTurn)
    func `it finds out how many there are, and seldom asks for more`(waiting: Int) {
        var burst = AcceptBurst()
        serve(4 * AcceptBurst.mostPatience, waiting: waiting, &burst)
        let failed = serve(100 * AcceptBurst.mostPatience, waiting: waiting, &burst)
        #expect(failed <= 100)
        // In a turn that does not try it accepts more than half of what is there.
        if burst.size > waiting { burst.fellShort() }
        #expect(burst.size <= waiting)
        #expect(burst.size * 2 > waiting)
    }
}
