// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Synchronization

/// Requests that go on while a test does something else, each on a connection of its own.
final class BackgroundLoad: Sendable {
    /// What came of them.
    struct Outcome {
        /// Answers by their worker.
        var counts: [String: Int] = [:]
        /// One line per request that was not answered with 200; a thread ends with its first.
        var failures: [String] = []

        /// Answers in all.
        var answered: Int { counts.values.reduce(0, +) }
    }

    private let outcome = Guarded(Outcome())
    private let isStopping = Atomic(false)
    private let running: Atomic<Int>

    /// Begins, with so many threads.
    init(
        _ address: TestAddress,
        concurrency: Int = 2,
        countedBy key: @Sendable @escaping (TestResponse) -> String = { $0.field("id") ?? $0.body }
    ) {
        running = Atomic(concurrency)
        for _ in 0..<concurrency {
            pthread_detach(
                startThread {
                    while !self.isStopping.load(ordering: .relaxed), self.ask(address, key) {}
                    self.running.subtract(1, ordering: .releasing)
                }
            )
        }
    }

    /// So far.
    var soFar: Outcome { outcome.withLock { $0 } }

    /// Lets the requests under way end.
    func stop() throws -> Outcome {
        isStopping.store(true, ordering: .relaxed)
        guard eventually(within: .seconds(30), { running.load(ordering: .acquiring) == 0 }) else {
            throw TestFailure("a request is not answered")
        }
        return soFar
    }

    private func ask(_ address: TestAddress, _ key: (TestResponse) -> String) -> Bool {
        do throws(TestFailure) {
            let response = try TestClient.get(from: address)
            guard response.status == 200 else { throw TestFailure("status \(response.status)") }
            outcome.withLock { $0.counts[key(response), default: 0] += 1 }
            return true
        } catch {
            outcome.withLock { $0.failures.append(error.description) }
            return false
        }
    }
}

extension TestResponse {
    /// The number of the worker that answered, whether it was the demo or the test worker.
    var workerID: String { jsonNumber("id").map { "\($0)" } ?? field("id") ?? body }
}
