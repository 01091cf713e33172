// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether a condition becomes true in time: for kernel state that reports no event of its own.
///
/// Asks at once, then after pauses of 1 ms growing to 20 ms.
package func eventually(
    within limit: Duration = .seconds(10),
    _ condition: () throws -> Bool
) rethrows -> Bool {
    let end = ContinuousClock.now + limit
    var pause: Int32 = 1
    while true {
        if try condition() { return true }
        if ContinuousClock.now >= end { return false }
        _ = poll(nil, 0, pause)
        pause = min(20, pause * 2)
    }
}

extension Duration {
    /// The duration in milliseconds, rounded down, for calls of the C library.
    package var milliseconds: Int32 {
        Int32(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }

    /// The duration as socket options want it.
    var asTimeval: timeval {
        timeval(tv_sec: Int(components.seconds), tv_usec: Int(components.attoseconds / 1_000_000_000_000))
    }
}
