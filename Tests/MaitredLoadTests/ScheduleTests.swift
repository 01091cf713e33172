// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredLoad

struct ScheduleTests {
    private static func moments(
        _ pace: LoadPlan.Pace,
        ramp: Duration = .zero,
        threads: Int = 1,
        seed: UInt64 = 1,
        until end: Duration
    ) -> [UInt64] {
        (0..<threads).flatMap { index in
            var schedule = Schedule(
                pace,
                ramp: ramp.nanoseconds,
                share: Share(index: index, threads: threads),
                random: SplitMix64(seed: seed, stream: UInt64(index))
            )
            var moments: [UInt64] = []
            while schedule.next < end.nanoseconds {
                moments.append(schedule.next)
                schedule.advance()
            }
            return moments
        }.sorted()
    }

    @Test(arguments: [1, 2, 3, 7])
    func `a constant rate has equal intervals, however many threads share it`(threads: Int) {
        let moments = Self.moments(.open(perSecond: 1000, .constant), threads: threads, until: .seconds(2))
        #expect(moments.count == 2000)
        for (index, moment) in moments.enumerated() {
            #expect(moment.distance(to: UInt64(index) * 1_000_000).magnitude <= 1)
        }
    }

    @Test(arguments: [1, 4])
    func `a Poisson process has the rate, and the spread of random intervals`(threads: Int) {
        let moments = Self.moments(.open(perSecond: 1000, .poisson), threads: threads, until: .seconds(20))
        #expect(abs(moments.count - 20_000) < 600)
        let intervals = zip(moments.dropFirst(), moments).map { Double($0 - $1) / 1e6 }
        let mean = intervals.reduce(0, +) / Double(intervals.count)
        let variance = intervals.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(intervals.count)
        // Of an exponential distribution the deviation is the mean, and e^-1 of all are longer than that.
        #expect(abs(variance.squareRoot() / mean - 1) < 0.05)
        #expect(abs(Double(intervals.count { $0 > mean }) / Double(intervals.count) - 0.3679) < 0.015)
    }

    @Test func `the same seed gives the same moments, another one others`() {
        let pace = LoadPlan.Pace.open(perSecond: 500, .poisson)
        let moments = Self.moments(pace, seed: 7, until: .seconds(1))
        #expect(moments == Self.moments(pace, seed: 7, until: .seconds(1)))
        #expect(moments != Self.moments(pace, seed: 8, until: .seconds(1)))
    }

    @Test(arguments: LoadPlan.Arrivals.allCases)
    func `a ramp rises evenly: half of the requests in its time, a quarter of those in its first half`(
        arrivals: LoadPlan.Arrivals
    ) {
        let moments = Self.moments(
            .open(perSecond: 10_000, arrivals),
            ramp: .seconds(2),
            threads: 2,
            until: .seconds(3)
        )
        let exact = arrivals == .constant
        #expect(abs(moments.count { $0 < 1_000_000_000 } - 2500) <= (exact ? 1 : 200))
        #expect(abs(moments.count { $0 < 2_000_000_000 } - 10_000) <= (exact ? 1 : 400))
        #expect(abs(moments.count - 20_000) <= (exact ? 1 : 600))
    }

    @Test(arguments: [1, 3])
    func `a burst is all its requests at one moment`(threads: Int) {
        let moments = Self.moments(.bursts(of: 10, every: .milliseconds(250)), threads: threads, until: .seconds(1))
        #expect(moments == (0..<40).map { UInt64($0 / 10) * 250_000_000 })
    }

    @Test func `bursts grow while the load rises`() {
        let moments = Self.moments(
            .bursts(of: 8, every: .milliseconds(250)),
            ramp: .seconds(1),
            threads: 3,
            until: .milliseconds(1300)
        )
        let sizes = (0..<6).map { burst in moments.count { $0 == UInt64(burst) * 250_000_000 } }
        #expect(sizes == [0, 2, 4, 6, 8, 8])
    }

    @Test(arguments: [LoadPlan.Pace.closed(connections: 4), .bursts(of: 0, every: .seconds(1))])
    func `what has no moments is never due`(pace: LoadPlan.Pace) {
        #expect(Self.moments(pace, until: .seconds(100)).isEmpty)
    }

    @Test func `shares add up to all`() {
        for all in 0..<20 {
            for threads in 1..<9 {
                let parts = (0..<threads).map { Share(index: $0, threads: threads).part(of: all) }
                #expect(parts.reduce(0, +) == all)
                #expect((parts.max() ?? 0) - (parts.min() ?? 0) <= 1)
            }
        }
    }
}
