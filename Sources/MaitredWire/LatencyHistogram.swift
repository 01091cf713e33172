// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire

/// How many connections waited how long between accept and take: the counts of a load page, or a sum of such.
///
/// Waits below 1,024 ns share the first bucket; from there on every doubling has four buckets, the last of which has no
/// end (`maitred_latency_bucket` of `maitred_wire.h`). So what is said of a wait is its bucket's upper bound: never too
/// short, and too long by a quarter at most. Workers may write any number: all sums saturate, no difference is negative.
package struct LatencyHistogram: Equatable, Sendable {
    /// Buckets of every histogram.
    package static let bucketCount = Int(MAITRED_LATENCY_COUNT)

    /// Waits counted, bucket by bucket.
    package private(set) var counts: [UInt64]

    /// A histogram of nothing.
    package init() {
        counts = Array(repeating: 0, count: Self.bucketCount)
    }

    /// Reads every bucket's count.
    init(reading count: (Int) -> UInt64) {
        counts = (0..<Self.bucketCount).map(count)
    }

    /// Adds the counts of another, as to sum over workers.
    package mutating func add(_ other: LatencyHistogram) {
        for bucket in counts.indices { counts[bucket] = counts[bucket].addingSaturated(other.counts[bucket]) }
    }

    /// What was counted since an earlier reading of the same worker; nothing where a count went down.
    package func minus(_ earlier: LatencyHistogram) -> LatencyHistogram {
        LatencyHistogram { counts[$0] - min(counts[$0], earlier.counts[$0]) }
    }

    /// Waits counted, in all.
    package var count: UInt64 {
        counts.reduce(0) { $0.addingSaturated($1) }
    }

    /// The wait that so many per cent of the connections did not exceed.
    ///
    /// Nearest rank: the smallest upper bound of a bucket that so many lie below. In the last bucket, which has no end,
    /// its beginning (55 minutes) stands for it.
    ///
    /// - Parameter percent: 0 (the shortest wait) to 100 (the longest), to a thousandth.
    /// - Returns: The upper bound, nil when nothing was counted.
    package func percentile(_ percent: Double) -> Duration? {
        precondition((0...100).contains(percent), "a percentile is 0 to 100")
        // 128 bits: no garbage in 128 counts of 64 bits makes these overflow.
        let total = counts.reduce(0) { $0 + UInt128($1) }
        guard total > 0 else { return nil }
        let rank = max(1, (total * UInt128((percent * 1000).rounded()) + 99_999) / 100_000)
        var seen: UInt128 = 0
        let bucket = counts.firstIndex { count in
            seen += UInt128(count)
            return seen >= rank
        }
        return bucket.map(Self.upperBound)
    }

    /// The longest wait, as the upper bound of its bucket; nil when nothing was counted.
    package var maximum: Duration? {
        counts.lastIndex { $0 > 0 }.map(Self.upperBound)
    }

    /// The shortest wait that is too long for a bucket; of the last, its own beginning.
    private static func upperBound(of bucket: Int) -> Duration {
        .nanoseconds(Int64(maitred_latency_floor(UInt32(bucket) + 1)))
    }
}

extension UInt64 {
    /// The sum, or the largest number when it is too large for the type.
    package func addingSaturated(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
