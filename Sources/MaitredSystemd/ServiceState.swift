// SPDX-License-Identifier: Apache-2.0

/// One thing a service tells its manager, as a line of the protocol of `sd_notify(3)`.
package enum ServiceState: Equatable, Sendable {
    /// Start-up is finished, or a reload is.
    case ready
    /// The configuration is being reloaded since that time of CLOCK_MONOTONIC; `ready` ends it.
    case reloading(monotonicNanoseconds: UInt64)
    /// Shutdown has begun.
    case stopping
    /// What `systemctl status` shows: one line for a person.
    case status(String)
    /// Starting, reloading or stopping may take so much longer, counted from now.
    case extendTimeout(Duration)
    /// The loop turns: restarts the time of `WatchdogSec=`.
    case watchdog
    /// The main process has another id than the one the manager started.
    case mainProcess(Int32)

    /// The lines of a datagram, without a newline at the end of each.
    var lines: [String] {
        switch self {
        case .ready: ["READY=1"]
        case .reloading(let nanoseconds): ["RELOADING=1", "MONOTONIC_USEC=\(nanoseconds / 1000)"]
        case .stopping: ["STOPPING=1"]
        case .status(let text): ["STATUS=\(Self.oneLine(text))"]
        case .extendTimeout(let time): ["EXTEND_TIMEOUT_USEC=\(Self.microseconds(time))"]
        case .watchdog: ["WATCHDOG=1"]
        case .mainProcess(let pid): ["MAINPID=\(pid)"]
        }
    }

    /// Several states as one datagram: the manager takes them together.
    static func datagram(_ states: [ServiceState]) -> [UInt8] {
        Array(states.flatMap(\.lines).joined(separator: "\n").utf8)
    }

    /// A text that cannot start a line of its own, which would be another state.
    private static func oneLine(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
    }

    /// Whole microseconds, never 0 or negative: the manager refuses those.
    private static func microseconds(_ time: Duration) -> Int64 {
        let (seconds, attoseconds) = time.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : max(1, whole.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue)
    }
}
