// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import Synchronization

/// Clients that keep asking while a master stops: each request is answered, or its connection refused.
final class DroppedRequests: Sendable {
    private let state = Mutex((answered: 0, dropped: [String]()))

    /// Requests that were answered.
    var answered: Int { state.withLock { $0.answered } }

    /// What happened to requests that were neither answered nor refused.
    var dropped: [String] { state.withLock { $0.dropped } }

    /// Asks again and again, until the connection is refused or the condition is false.
    func ask(_ address: TestAddress, while condition: () -> Bool) {
        while condition() {
            guard let client = try? TestClient(address) else { return }
            do throws(TestFailure) {
                let response = try client.get()
                state.withLock { $0.answered += response.status == 200 ? 1 : 0 }
            } catch {
                state.withLock { $0.dropped.append(error.description) }
            }
        }
    }
}
