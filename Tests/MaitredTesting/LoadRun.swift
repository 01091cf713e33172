// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Many requests, each on a connection of its own, from several threads at once.
package enum LoadRun {
    /// What came of a run.
    package struct Result: Sendable {
        /// Responses by what they were counted as.
        package var counts: [String: Int] = [:]
        /// One line per request that got no response or another status than 200.
        package var failures: [String] = []
        /// From the first request to the last response.
        package var time = Duration.zero
        /// The longest that any one request took, from its connect on.
        package var slowest = Duration.zero

        /// Responses in all.
        package var answered: Int { counts.values.reduce(0, +) }
        /// Most responses minus fewest, of those that were counted at all.
        package var spread: Int { (counts.values.max() ?? 0) - (counts.values.min() ?? 0) }
    }

    /// Runs requests and returns when all are answered or have failed.
    ///
    /// - Parameters:
    ///   - requests: How many in all.
    ///   - concurrency: How many at once: one thread each.
    ///   - key: What a response counts as: its field `id` unless said otherwise, else its body.
    package static func run(
        requests: Int,
        concurrency: Int,
        _ address: TestAddress,
        path: String = "/",
        within limit: Duration = .seconds(30),
        countedBy key: @Sendable @escaping (TestResponse) -> String = { $0.field("id") ?? $0.body }
    ) -> Result {
        run(requests: requests, concurrency: concurrency, countedBy: key) { () throws(TestFailure) in
            try TestClient.get(path, from: address, within: limit)
        }
    }

    /// Runs requests that a body makes, and returns when all are answered or have failed.
    ///
    /// - Parameters:
    ///   - requests: How many in all.
    ///   - concurrency: How many at once: one thread each.
    ///   - key: What a response counts as: its field `id` unless said otherwise, else its body.
    ///   - ask: Makes one request.
    package static func run(
        requests: Int,
        concurrency: Int,
        countedBy key: @Sendable @escaping (TestResponse) -> String = { $0.field("id") ?? $0.body },
        asking ask: @Sendable @escaping () throws(TestFailure) -> TestResponse
    ) -> Result {
        let next = Counter()
        return run(
            concurrency: concurrency,
            countedBy: key,
            while: { next.value.wrappingAdd(1, ordering: .relaxed).oldValue < requests },
            asking: ask
        )
    }

    /// Runs requests for as long as a condition holds, and returns when all are answered or have failed.
    ///
    /// - Parameters:
    ///   - concurrency: How many at once: one thread each.
    ///   - key: What a response counts as: its field `id` unless said otherwise, else its body.
    ///   - goesOn: Asked by every thread before each request.
    package static func run(
        concurrency: Int,
        _ address: TestAddress,
        path: String = "/",
        within limit: Duration = .seconds(30),
        countedBy key: @Sendable @escaping (TestResponse) -> String = { $0.field("id") ?? $0.body },
        while goesOn: @Sendable @escaping () -> Bool
    ) -> Result {
        run(concurrency: concurrency, countedBy: key, while: goesOn) { () throws(TestFailure) in
            try TestClient.get(path, from: address, within: limit)
        }
    }

    /// The same for requests that a body makes.
    package static func run(
        concurrency: Int,
        countedBy key: @Sendable @escaping (TestResponse) -> String = { $0.field("id") ?? $0.body },
        while goesOn: @Sendable @escaping () -> Bool,
        asking ask: @Sendable @escaping () throws(TestFailure) -> TestResponse
    ) -> Result {
        let begun = ContinuousClock.now
        let results = Guarded(Result())
        inThreads(concurrency) { _ in
            var own = Result()
            while goesOn() {
                let asked = ContinuousClock.now
                let fate = Swift.Result { () throws(TestFailure) in try ask() }
                own.count(fate, after: ContinuousClock.now - asked, by: key)
            }
            results.withLock { $0.add(own) }
        }
        var result = results.withLock { $0 }
        result.time = ContinuousClock.now - begun
        return result
    }

    /// Requests begun by all threads of a run.
    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }
}

extension LoadRun.Result {
    fileprivate mutating func count(
        _ fate: Swift.Result<TestResponse, TestFailure>,
        after time: Duration,
        by key: (TestResponse) -> String
    ) {
        slowest = max(slowest, time)
        switch fate {
        case .success(let response) where response.status == 200: counts[key(response), default: 0] += 1
        case .success(let response): failures.append("status \(response.status): \(response.body)")
        case .failure(let failure): failures.append(failure.description)
        }
    }

    fileprivate mutating func add(_ other: Self) {
        counts.merge(other.counts, uniquingKeysWith: +)
        failures += other.failures
        slowest = max(slowest, other.slowest)
    }
}
