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
        let begun = ContinuousClock.now
        let shared = Shared()
        inThreads(concurrency) { _ in
            var own = Result()
            while shared.next.wrappingAdd(1, ordering: .relaxed).oldValue < requests {
                do throws(TestFailure) {
                    let response = try TestClient.get(path, from: address, within: limit)
                    if response.status == 200 {
                        own.counts[key(response), default: 0] += 1
                    } else {
                        own.failures.append("status \(response.status): \(response.body)")
                    }
                } catch {
                    own.failures.append(error.description)
                }
            }
            shared.results.withLock { all in
                all.counts.merge(own.counts, uniquingKeysWith: +)
                all.failures += own.failures
            }
        }
        var result = shared.results.withLock { $0 }
        result.time = ContinuousClock.now - begun
        return result
    }

    /// What the threads of a run share.
    private final class Shared: Sendable {
        let next = Atomic<Int>(0)
        let results = Guarded(Result())
    }
}
