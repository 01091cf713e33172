// SPDX-License-Identifier: Apache-2.0

/// A moment of the monotonic clock.
///
/// Pure modules get it as an argument and never ask for it.
package struct Instant: Comparable, Hashable, Sendable {
    /// Nanoseconds since the clock's arbitrary start.
    package let nanoseconds: UInt64

    /// A moment that never comes.
    package static let never = Instant(nanoseconds: .max)

    /// Wraps a reading of the clock.
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    // The other comparisons would be derived from `<` through the protocol's witness table; they run in every turn.

    /// Which of two moments is first.
    @inline(__always)
    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Whether a moment is not after another.
    @inline(__always)
    package static func <= (left: Instant, right: Instant) -> Bool {
        left.nanoseconds <= right.nanoseconds
    }

    /// Whether a moment is not before another.
    @inline(__always)
    package static func >= (left: Instant, right: Instant) -> Bool {
        left.nanoseconds >= right.nanoseconds
    }

    /// Whether a moment is after another.
    @inline(__always)
    package static func > (left: Instant, right: Instant) -> Bool {
        left.nanoseconds > right.nanoseconds
    }

    /// The moment a while later; never, when that cannot be expressed.
    package static func + (moment: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = moment.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// Nanoseconds since an earlier moment, 0 when that is later: the cheap form, for what runs in every turn.
    package func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// The time between two moments; zero when the second is not earlier.
    package static func - (moment: Instant, earlier: Instant) -> Duration {
        guard moment > earlier else { return .zero }
        return .nanoseconds(Int64(clamping: moment.nanoseconds - earlier.nanoseconds))
    }
}

extension Duration {
    /// The whole duration in nanoseconds, 0 when negative, clamped to what fits.
    package var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, isTooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow) = product.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return isTooLong || overflow ? .max : sum
    }
}
