// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredMaster

struct RestLengthTests {
    /// Rests in front of workers that take one connection in so many nanoseconds, and have `queued` at each beginning.
    ///
    /// - Returns: What was left after each rest.
    private func rest(_ times: Int, queued: Int, pace: Int, _ length: inout RestLength) -> [Int] {
        (0..<times).map { _ in
            let left = max(0, queued - length.nanoseconds / pace)
            length.rested(before: queued, after: left)
            return left
        }
    }

    @Test(arguments: [8_000, 12_000, 20_000, 45_000])
    func `it settles where a rest uses up three eighths to three quarters`(pace: Int) {
        var length = RestLength()
        _ = rest(10, queued: 16, pace: pace, &length)
        for left in rest(10, queued: 16, pace: pace, &length) { #expect((4...10).contains(left), "\(left) left") }
    }

    @Test func `it begins short, and is never longer than a client may wait`() {
        var length = RestLength()
        #expect(length.nanoseconds == RestLength.shortest)
        _ = rest(100, queued: 16, pace: 1_000_000, &length)
        #expect(length.nanoseconds == RestLength.longest)
    }

    @Test func `workers that became faster are not left without work for long`() {
        var length = RestLength()
        _ = rest(100, queued: 16, pace: 1_000_000, &length)
        #expect(rest(5, queued: 16, pace: 16_000, &length) == [0, 0, 4, 4, 4])
        _ = rest(10, queued: 3, pace: 1_000, &length)
        #expect(length.nanoseconds == RestLength.shortest)
    }
}
