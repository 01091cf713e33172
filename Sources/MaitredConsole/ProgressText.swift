// SPDX-License-Identifier: Apache-2.0

package import MaitredControl

/// Lines about a rollout that somebody waits for.
package struct ProgressText: Sendable {
    private let participle: String
    /// Whether one line is written over and over, or each below the last.
    private let isTerminal: Bool
    private var hasOpenLine = false
    private var last: ControlReply.Progress?

    /// Begins with nothing written.
    ///
    /// - Parameters:
    ///   - participle: What is done to each worker: "replaced".
    ///   - isTerminal: Whether a line can be written over.
    package init(_ participle: String, isTerminal: Bool) {
        self.participle = participle
        self.isTerminal = isTerminal
    }

    /// What to write when so much is done; empty when that was said already.
    package mutating func step(_ progress: ControlReply.Progress) -> String {
        guard progress != last else { return "" }
        last = progress
        let words = "\(participle) \(progress.done) of \(progress.total)"
        guard isTerminal else { return words + "\n" }
        hasOpenLine = true
        // The line may get shorter.
        return "\r\(words)\u{1B}[K"
    }

    /// What to write before anything else is written: ends the open line.
    package mutating func end() -> String {
        defer { hasOpenLine = false }
        return hasOpenLine ? "\n" : ""
    }
}
