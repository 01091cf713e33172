// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

struct InstantTests {
    @Test func `moments are ordered, and never comes last`() {
        #expect(start < start + .nanoseconds(1))
        #expect(start < .never)
        #expect(min(Instant.never, start) == start)
        #expect(!(Instant.never < .never))
    }

    @Test func `a duration later and back is the same duration`() {
        let duration = Duration.seconds(3) + .nanoseconds(7)
        #expect(start + duration == Instant(nanoseconds: 5_003_000_000_007))
        #expect((start + duration) - start == duration)
        #expect(start + .zero == start)
    }

    @Test func `a moment that cannot be expressed never comes`() {
        #expect(Instant(nanoseconds: .max - 1) + .nanoseconds(1) == .never)
        #expect(Instant(nanoseconds: .max - 1) + .nanoseconds(2) == .never)
        #expect(Instant.never + .seconds(1) == .never)
        #expect(start + .seconds(Int64.max) == .never)
    }

    @Test func `nothing lies between a moment and a later one`() {
        #expect(start - seconds(1) == .zero)
        #expect(start - .never == .zero)
        #expect(start - start == .zero)
        #expect(Instant.never - .never == .zero)
    }

    @Test func `the longest time between two moments is clamped, not trapped on`() {
        #expect(Instant.never - Instant(nanoseconds: 0) == .nanoseconds(Int64.max))
        #expect(Instant(nanoseconds: UInt64(Int64.max)) - Instant(nanoseconds: 0) == .nanoseconds(Int64.max))
    }

    @Test func `going back in time is no time at all`() {
        #expect(start + .seconds(-1) == start)
        #expect(start + .nanoseconds(-1) == start)
    }

    /// Whole seconds, attoseconds, and the nanoseconds they make.
    private static let durations: [(Int64, Int64, UInt64)] = [
        (0, 0, 0),
        (0, 1_000_000_000, 1),
        (0, -1_000_000_000, 0),
        (-5, 0, 0),
        (.min, 0, 0),
        // Less than a nanosecond is none.
        (0, 999_999_999, 0),
        (1, 1_999_999_999, 1_000_000_001),
        (18_446_744_073, 709_551_615_000_000_000, .max),
        // The seconds alone fit, with the rest they do not.
        (18_446_744_073, 709_551_616_000_000_000, .max),
        (18_446_744_073, 999_999_999_999_999_999, .max),
        (18_446_744_074, 0, .max),
        (.max, 0, .max),
    ]

    @Test(arguments: durations)
    private func `a duration in nanoseconds is clamped to what fits`(
        seconds: Int64,
        attoseconds: Int64,
        nanoseconds: UInt64
    ) {
        let duration = Duration(secondsComponent: seconds, attosecondsComponent: attoseconds)
        #expect(duration.nanoseconds == nanoseconds)
    }
}
