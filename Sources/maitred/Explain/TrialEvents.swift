// SPDX-License-Identifier: Apache-2.0

import MaitredControl

/// What the master of a trial has said so far, of its first worker.
struct TrialEvents {
    /// How the worker ended.
    struct End {
        /// "exit code 3"; what kept it from being started at all.
        let words: String
        /// Since its start; nil when it was never started.
        let after: Double?
        /// Whether a signal ended it.
        let isSignal: Bool
        /// What the master takes for the reason.
        let cause: String?
        /// The same in a clause.
        let reason: String?
    }

    /// Where the master listens.
    private(set) var addresses: [String] = []
    /// Whether the worker was started.
    private(set) var hasStarted = false
    /// Seconds from its start until it said that it listens.
    private(set) var listenedAfter: Double?
    /// Seconds from its start until it was ready.
    private(set) var readyAfter: Double?
    /// How it ended; nil while it runs.
    private(set) var end: End?

    /// One event, as far as it matters here.
    private struct Line: Decodable {
        let event: String
        let address: String?
        let after: Double?
        let code: Int?
        let signal: String?
        let uptime: Double?
        let cause: String?
        let reason: String?
    }

    /// Takes a line of the stream.
    mutating func take(_ line: [UInt8]) throws(ControlError) {
        let line = try ControlJSON.decode(Line.self, from: line)
        // The second worker's news are nobody's: there should be none.
        guard end == nil else { return }
        switch line.event {
        case "listening": addresses += [line.address].compactMap(\.self)
        case "worker-started": hasStarted = true
        case "worker-listens": listenedAfter = line.after
        case "worker-ready": readyAfter = line.after
        case "worker-exited":
            let words = line.signal.map { "signal \($0)" } ?? "exit code \(line.code ?? 0)"
            end = End(
                words: words,
                after: line.uptime,
                isSignal: line.signal != nil,
                cause: line.cause,
                reason: line.reason
            )
        case "start-failed":
            end = End(words: line.reason ?? "", after: nil, isSignal: false, cause: "cannot-run", reason: line.reason)
        default: break
        }
    }
}
