// SPDX-License-Identifier: Apache-2.0

/// How much an event matters, in the words of the log.
public enum EventLevel: String, Sendable, CaseIterable {
    case debug, info, notice, warning, error, critical
}
