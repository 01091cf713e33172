// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import Synchronization

/// Clients that keep asking while a master stops, and what becomes of their requests.
final class PersistentClients: Sendable {
    /// Requests by their fate.
    struct Outcome {
        /// Sent, or meant to be.
        var asked = 0
        /// Answered with status 200.
        var answered = 0
        /// Not let in: nobody listened any more, or stopped listening before it was accepted, which resets it.
        var refused = 0
        /// What happened to all others.
        var lost: [String] = []
    }

    private let state = Mutex(Outcome())

    /// So far.
    var outcome: Outcome { state.withLock { $0 } }

    /// Asks again and again, until a request is not answered.
    func ask(_ address: TestAddress) {
        var goesOn = true
        while goesOn {
            let fate = Result { () throws(TestFailure) in try TestClient.get(from: address) }
            goesOn = state.withLock { $0.count(fate) }
        }
    }
}

extension PersistentClients.Outcome {
    /// Counts one request.
    ///
    /// - Returns: Whether it was answered.
    fileprivate mutating func count(_ fate: Result<TestResponse, TestFailure>) -> Bool {
        asked += 1
        switch fate {
        case .success(let response) where response.status == 200:
            answered += 1
            return true
        case .success(let response):
            lost.append("status \(response.status)")
        case .failure(let failure):
            let isRefusal = ["ECONNREFUSED", "ECONNRESET", "EPIPE"].contains { failure.description.contains($0) }
            if isRefusal { refused += 1 } else { lost.append(failure.description) }
        }
        return false
    }
}
