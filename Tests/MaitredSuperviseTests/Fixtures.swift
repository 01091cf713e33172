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
