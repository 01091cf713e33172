// SPDX-License-Identifier: Apache-2.0

import Histogram

extension LoadThread {
    /// Counts a good answer that has just come.
    mutating func countAnswer(_ exchange: Exchange) {
        guard exchange.intended >= measuredFrom else { return }
        found.answered += 1
        let latency = min(now - exchange.intended, LoadResult.longestLatency)
        found.latency.record(latency)
        // Of a closed loop they are the same.
        if !isClosedLoop { found.serviceTime.record(min(now - exchange.begun, LoadResult.longestLatency)) }
        let second = secondOfNow
        found.seconds[second].answered += 1
        found.seconds[second].longest = max(found.seconds[second].longest, latency)
    }

    /// Counts a failed request.
    mutating func countFailure(_ error: LoadError, intended: UInt64) {
        guard intended >= measuredFrom else { return }
        found.errors[error, default: 0] += 1
        found.seconds[secondOfNow].failed += 1
    }

    private var secondOfNow: Int {
        min(found.seconds.count - 1, Int((now - measuredFrom) / 1_000_000_000))
    }
}

extension LoadResult {
    /// What the histograms can hold: an hour in nanoseconds.
    static let longestLatency: UInt64 = 3_600_000_000_000

    /// A result of nothing, with room for every second.
    init(seconds duration: Duration) {
        self.init()
        let seconds = max(1, (duration.nanoseconds + 999_999_999) / 1_000_000_000)
        self.seconds = Array(repeating: Second(), count: Int(seconds))
    }

    /// Adds what another thread found in the same time.
    mutating func add(_ other: LoadResult) {
        latency.add(other.latency)
        serviceTime.add(other.serviceTime)
        answered += other.answered
        errors.merge(other.errors, uniquingKeysWith: +)
        unfinished += other.unfinished
        bytes += other.bytes
        connections += other.connections
        late += other.late
        latestBy = max(latestBy, other.latestBy)
        time = max(time, other.time)
        cpuTime += other.cpuTime
        while seconds.count < other.seconds.count { seconds.append(Second()) }
        for (index, second) in other.seconds.enumerated() { seconds[index].add(second) }
    }
}

extension LoadResult.Second {
    fileprivate mutating func add(_ other: Self) {
        answered += other.answered
        failed += other.failed
        longest = max(longest, other.longest)
    }
}
