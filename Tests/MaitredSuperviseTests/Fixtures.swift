// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise

/// When most tests begin: far enough from zero that nothing works by accident.
let start = Instant(nanoseconds: 5_000_000_000_000)

/// A moment that many seconds after the start.
func seconds(_ count: Double) -> Instant {
    start + .seconds(count)
}

/// A moment that many milliseconds after the start.
func milliseconds(_ count: Int) -> Instant {
    start + .milliseconds(count)
}

/// Every sequence of `length` elements, in a fixed order: a property that holds for all of them needs no luck.
func forEverySequence<Element>(of elements: [Element], length: Int, _ body: ([Element]) throws -> Void) rethrows {
    var digits = Array(repeating: 0, count: length)
    while true {
        try body(digits.map { elements[$0] })
        guard let place = digits.lastIndex(where: { $0 < elements.count - 1 }) else { return }
        digits[place] += 1
        for lower in digits.indices.dropFirst(place + 1) { digits[lower] = 0 }
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
