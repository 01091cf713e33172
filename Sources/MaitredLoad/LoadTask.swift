// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import Synchronization

/// What one thread of a run is told.
struct LoadTask: Sendable {
    let plan: LoadPlan
    let address: SocketAddress
    let share: Share
    /// When the run begins, in nanoseconds of the monotonic clock.
    let start: UInt64

    /// When measuring begins.
    var measuredFrom: UInt64 { start + plan.warmUp.nanoseconds }
    /// When the run ends.
    var end: UInt64 { measuredFrom + plan.duration.nanoseconds }

    /// Most connections of the thread at a time.
    var connections: Int {
        switch plan.pace {
        case .closed(let connections): share.part(of: connections)
        case .open, .bursts: share.part(of: plan.openLoopConnections)
        }
    }

    /// When a connection of a closed loop sends its first request: one after the other while the load rises.
    func begin(ofConnection index: Int) -> UInt64 {
        guard case .closed(let all) = plan.pace, all > 0 else { return start }
        let position = index * share.threads + share.index
        return start + UInt64(Double(plan.ramp.nanoseconds) * (Double(position) / Double(all)))
    }
}

/// What the threads of a run and whoever waits for them tell each other.
///
/// Each field is one number: nobody concludes from one of them anything about another.
final class LoadBoard: Sendable {
    /// Set by who waits: the threads end soon.
    let isStopped = Atomic<Bool>(false)
    /// Good answers, added up by the threads several times a second.
    let answered = Atomic<UInt64>(0)
    /// Failed requests, as well.
    let failed = Atomic<UInt64>(0)
}

extension Duration {
    /// The whole duration in nanoseconds, 0 when negative, a century when it is longer.
    var nanoseconds: UInt64 {
        // So that moments can be added without overflow.
        let century: Int64 = 3_155_760_000
        let (seconds, attoseconds) = min(max(self, .zero), .seconds(century)).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
