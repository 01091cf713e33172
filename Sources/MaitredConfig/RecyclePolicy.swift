// SPDX-License-Identifier: Apache-2.0

/// What makes the master drain and replace a worker that has grown.
public enum RecyclePolicy: String, CaseIterable, Sendable {
    /// Nothing: thresholds only warn.
    case never = "none"

    /// More memory than `maxMemory`.
    case memory

    /// What is replaced, in a line for `--help`.
    public var summary: String {
        switch self {
        case .never: "no worker: thresholds only warn"
        case .memory: "a worker that uses more than max-memory"
        }
    }
}
