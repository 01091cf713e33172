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

    @Test(arguments: [
        (Duration.zero, UInt64(0)),
        (.nanoseconds(1), 1),
        (.nanoseconds(-1), 0),
        (.seconds(-5), 0),
        (.seconds(Int64.min), 0),
        // Less than a nanosecond is none.
        (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
        (Duration(secondsComponent: 1, attosecondsComponent: 1_999_999_999), 1_000_000_001),
        (.seconds(18_446_744_073) + .nanoseconds(709_551_615), .max),
        // The seconds alone fit, with the rest they do not.
        (.seconds(18_446_744_073) + .nanoseconds(709_551_616), .max),
        (.seconds(18_446_744_073) + .nanoseconds(999_999_999), .max),
        (.seconds(18_446_744_074), .max),
        (.seconds(Int64.max), .max),
    ])
    func `a duration in nanoseconds is clamped to what fits`(duration: Duration, nanoseconds: UInt64) {
        #expect(duration.nanoseconds == nanoseconds)
    }
}
