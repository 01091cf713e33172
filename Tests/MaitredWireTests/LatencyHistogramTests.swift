// SPDX-License-Identifier: Apache-2.0

import CMaitredWire
import MaitredTesting
import Testing

@testable import MaitredWire

struct LatencyHistogramTests {
    @Test func `a histogram of nothing has no percentile`() {
        let histogram = LatencyHistogram()
        #expect(histogram.counts == [UInt64](repeating: 0, count: 128))
        #expect(histogram.count == 0)
        #expect(histogram.maximum == nil)
        for percent in [0.0, 50, 100] { #expect(histogram.percentile(percent) == nil) }
    }

    @Test func `a percentile is the upper bound of the bucket in which so many are reached`() {
        // 90 below 1,024 ns, 9 below 2,048 ns, 1 of about a second.
        let histogram = counted([500: 90, 2000: 9, 1_000_000_000: 1])
        #expect(histogram.count == 100)
        #expect(histogram.percentile(0) == .nanoseconds(1024))
        #expect(histogram.percentile(50) == .nanoseconds(1024))
        #expect(histogram.percentile(90) == .nanoseconds(1024))
        #expect(histogram.percentile(90.1) == .nanoseconds(2048))
        #expect(histogram.percentile(99) == .nanoseconds(2048))
        #expect(histogram.percentile(99.1) == .nanoseconds(1 << 30))
        #expect(histogram.percentile(100) == .nanoseconds(1 << 30))
        #expect(histogram.maximum == .nanoseconds(1 << 30))
    }

    @Test func `one wait is every percentile`() {
        let histogram = counted([3_000_000: 1])
        for percent in [0.0, 0.1, 50, 99.9, 100] { #expect(histogram.percentile(percent) == histogram.maximum) }
    }

    @Test func `a wait without end stands at the beginning of the last bucket`() {
        let histogram = counted([.max: 3])
        #expect(histogram.maximum == .nanoseconds(3_298_534_883_328))
        #expect(histogram.percentile(50) == histogram.maximum)
    }

    /// Against the sorted waits themselves.
    @Test(arguments: 1...20)
    func `what is said is never too short, and too long by a quarter at most`(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let waits = (0..<500).map { _ in 1024 + random.next() >> (24 + random.next() % 30) }.sorted()
        let histogram = counted(Dictionary(waits.map { ($0, 1) }, uniquingKeysWith: +))
        for (index, wait) in waits.map({ Duration.nanoseconds($0) }).enumerated() {
            let said = try #require(histogram.percentile(Double(index + 1) / 5))
            #expect(said > wait)
            #expect(said <= wait * 5 / 4 + .nanoseconds(1))
        }
    }

    @Test func `workers are summed, and an interval is a difference`() {
        let earlier = counted([500: 3, 2000: 1])
        var later = earlier
        later.add(counted([500: 2, 9_000_000: 4]))
        #expect(later.count == 10)
        #expect(later.minus(earlier) == counted([500: 2, 9_000_000: 4]))
        #expect(later.minus(later) == LatencyHistogram())
        #expect(later.minus(LatencyHistogram()) == later)
    }

    @Test func `a count that went down is none in the interval`() {
        let difference = counted([500: 1, 2000: 7]).minus(counted([500: 5, 2000: 4]))
        #expect(difference == counted([2000: 3]))
    }

    @Test func `sums end at the largest number`() {
        var histogram = counted([500: .max, 2000: 5])
        histogram.add(counted([500: 1, 2000: 1]))
        #expect(histogram.counts[0] == .max)
        #expect(histogram.counts[4] == 6)
        #expect(histogram.count == .max)
    }

    @Test(arguments: 1...200)
    func `no counts make it trap, and percentiles only grow`(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        func garbage() -> LatencyHistogram {
            LatencyHistogram { _ in
                switch random.next() % 4 {
                case 0: 0
                case 1: .max
                case 2: random.next()
                default: random.next() >> (random.next() % 64)
                }
            }
        }
        var sum = garbage()
        let earlier = garbage()
        for histogram in [sum, earlier, sum.minus(earlier), earlier.minus(sum)] {
            let said = [0.0, 1, 50, 90, 99, 99.9, 100].compactMap(histogram.percentile)
            #expect(said == said.sorted())
            #expect(said.last == histogram.maximum)
            #expect(said.count == (histogram.count == 0 ? 0 : 7))
        }
        sum.add(earlier)
        #expect(sum.count >= earlier.count)
    }

    @Test func `a percentile outside its range is the caller's mistake`() async {
        await #expect(processExitsWith: .failure) { _ = LatencyHistogram().percentile(100.1) }
        await #expect(processExitsWith: .failure) { _ = LatencyHistogram().percentile(.nan) }
    }
}

/// A histogram of waits in nanoseconds, each so many times.
private func counted(_ waits: [UInt64: UInt64]) -> LatencyHistogram {
    LatencyHistogram { bucket in
        waits.reduce(0) { maitred_latency_bucket($1.key) == bucket ? $0 + $1.value : $0 }
    }
}
