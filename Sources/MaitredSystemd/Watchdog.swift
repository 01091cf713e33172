// SPDX-License-Identifier: Apache-2.0

import CSystemd
package import MaitredSystem

/// The promise behind `WatchdogSec=`: a service that says nothing for so long is restarted.
///
/// See `sd_watchdog_enabled(3)`.
package struct Watchdog: Equatable, Sendable {
    /// How long the service may be silent.
    package let timeout: Duration

    /// How often to send `ServiceState.watchdog`: half the timeout, so that one late turn of the loop is forgiven.
    package var pingInterval: Duration { timeout / 2 }

    /// Names a timeout.
    package init(timeout: Duration) {
        self.timeout = timeout
    }

    /// Reads `WATCHDOG_USEC` and `WATCHDOG_PID` and unsets them, so that no worker believes them.
    ///
    /// - Returns: nil when nobody watches, or somebody watches another process.
    /// - Throws: EINVAL when the variables make no sense.
    package static func take() throws(SystemError) -> Watchdog? {
        var microseconds: UInt64 = 0
        let result = unsafe sd_watchdog_enabled(1, &microseconds)
        guard result >= 0 else { throw SystemError(call: "use", object: "WATCHDOG_USEC", errno: result) }
        return result == 0 ? nil : Watchdog(timeout: .microseconds(Int64(clamping: microseconds)))
    }
}
