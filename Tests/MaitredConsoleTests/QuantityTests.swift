// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConsole

struct QuantityTests {
    @Test(arguments: [
        (0, "0"), (99_999, "99999"), (100_000, "100k"), (999_499, "999k"), (999_500, "1.0M"), (1_234_567, "1.2M"),
        (12_345_678, "12M"), (Int.max, "9.2E"), (-1, "-1"),
    ])
    func `counts get short`(_ count: Int, _ text: String) {
        #expect(Quantity.short(count) == text)
    }

    @Test(arguments: [
        (0, "-"), (1, "1"), (1023, "1.0K"), (10_240, "10K"), (47 << 20, "47M"), (1000 << 20, "1.0G"), (Int.max, "8.0E"),
    ])
    func `memory counts by 1024`(_ bytes: Int, _ text: String) {
        #expect(Quantity.memory(bytes) == text)
    }

    @Test(arguments: [
        (0.0, "0s", "0 s"), (59.9, "59s", "59 s"), (60, "1m00s", "1 min"), (3599, "59m59s", "59 min"),
        (3600, "1h00m", "1 h"), (7534, "2h05m", "2 h 5 min"), (172_799, "47h59m", "47 h 59 min"),
        (172_800, "2d00h", "2 d"), (1e12, "11574074d01h", "11574074 d 1 h"), (-5, "0s", "0 s"), (.nan, "0s", "0 s"),
    ])
    func `a span has two units at most`(_ seconds: Double, _ short: String, _ long: String) {
        #expect(Quantity.span(seconds) == short)
        #expect(Quantity.longSpan(seconds) == long)
    }

    @Test(arguments: [
        (0.0, "0 us"), (85e-6, "85 us"), (0.000_999_4, "999 us"), (0.001, "1.0 ms"), (0.0123, "12 ms"),
        (0.35, "350 ms"),
        (0.9996, "1.0 s"), (12.3, "12 s"), (.infinity, "0 s"),
    ])
    func `a wait has the unit that suits it`(_ seconds: Double, _ text: String) {
        #expect(Quantity.wait(seconds) == text)
    }

    @Test(arguments: [(0.0, "0%"), (0.04, "0.0%"), (3.24, "3.2%"), (9.95, "10%"), (250, "250%")])
    func `a share has a decimal while it is small`(_ share: Double, _ text: String) {
        #expect(Quantity.percent(share) == text)
    }
}
