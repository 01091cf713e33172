// SPDX-License-Identifier: Apache-2.0

/// How much the master tells, from everything to almost nothing.
public enum LogLevel: String, CaseIterable, Sendable {
    case trace
    case debug
    case info
    case notice
    case warning
    case error
    case critical
}
