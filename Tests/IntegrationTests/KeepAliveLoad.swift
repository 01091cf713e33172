// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

/// Clients that ask again and again over connections that they keep, and open another when one has ended.
enum KeepAliveLoad {
    /// What came of a run.
    struct Result: Sendable {
        /// Connections on which something was answered.
        var answeredConnections = 0
        /// Requests answered with status 200.
        var answers = 0
        /// Connections that the server ended as it should: it had said so with its last response, and closed behind it.
        var closedCleanly = 0
        /// Connections that ended in another way.
        var cuts: [Cut] = []
        /// Connections that could not be had.
        var refusals: [String] = []

        fileprivate mutating func add(_ other: Self) {
            answeredConnections += other.answeredConnections
            answers += other.answers
            closedCleanly += other.closedCleanly
            cuts += other.cuts
            refusals += other.refusals
        }
    }

    /// The end of a connection in the middle of something.
    struct Cut: Sendable {
        /// Who had answered on it before; nil when nobody had.
        let worker: Int?
        /// How it ended.
        let failure: String
    }

    /// Runs clients for as long as a condition holds.
    ///
    /// - Parameters:
    ///   - concurrency: How many at once: one thread each.
    ///   - requests: After so many a client closes; nil leaves that to the server.
    ///   - goesOn: Asked by every thread before each request.
    static func run(
        concurrency: Int,
        _ address: TestAddress,
        requests: Int? = nil,
        while goesOn: @Sendable @escaping () -> Bool
    ) -> Result {
        let results = Guarded(Result())
        inThreads(concurrency) { _ in
            var own = Result()
            while goesOn() { own.useConnection(address, requests ?? .max, while: goesOn) }
            results.withLock { $0.add(own) }
        }
        return results.withLock { $0 }
    }
}

extension KeepAliveLoad.Result {
    /// Asks over one connection until it has ended, or has been used enough.
    fileprivate mutating func useConnection(_ address: TestAddress, _ requests: Int, while goesOn: () -> Bool) {
        let client: TestClient
        do throws(TestFailure) {
            client = try TestClient(address)
        } catch {
            refusals.append(error.description)
            return
        }
        var worker: Int?
        do throws(TestFailure) {
            var left = requests
            while left > 0, worker == nil || goesOn() {
                left -= 1
                let response = try client.get(keepAlive: true)
                guard response.status == 200 else { throw TestFailure("status \(response.status): \(response.body)") }
                if worker == nil { answeredConnections += 1 }
                worker = response.jsonNumber("id")
                answers += 1
                guard response.headers["connection"] == "close" else { continue }
                let rest = try client.readToEnd()
                guard rest.isEmpty else { throw TestFailure("bytes behind the last response: \(rest)") }
                closedCleanly += 1
                return
            }
        } catch {
            cuts.append(KeepAliveLoad.Cut(worker: worker, failure: error.description))
        }
    }
}
