// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct DurationTextTests {
    private static let range = Duration.zero...Duration.seconds(3_600)

    private func refusal(_ text: String) -> String? {
        problem { () throws(InvalidValue) in try duration(text, in: Self.range) }
    }

    @Test(arguments: [
        ("0", Duration.zero), ("0s", .zero), ("-0s", .zero), ("100ms", .milliseconds(100)), ("10s", .seconds(10)),
        ("1.5s", .milliseconds(1_500)), ("2m", .seconds(120)), ("1h", .seconds(3_600)), ("250us", .microseconds(250)),
        ("0.25m", .seconds(15)), ("0.000001s", .microseconds(1)), ("1.50000000000000000000s", .milliseconds(1_500)),
        ("0001s", .seconds(1)), ("0.25h", .seconds(900)), ("0.000000005h", .microseconds(18)),
    ])
    func `a number with a unit is a duration`(_ text: String, _ expected: Duration) throws {
        #expect(try duration(text, in: Self.range) == expected)
    }

    @Test(arguments: ["10", "1.5", "-3", "999999999999999999999999999999"])
    func `a bare number is told to add a unit`(_ text: String) {
        #expect(refusal(text) == "'\(text)' has no unit: add one of us, ms, s, m, h, as in \(text)s")
    }

    @Test(arguments: ["10min", "10S", "10 s", "10sec", "1d", "1m30s", "5µs", "10s ", "1\u{301}s"])
    func `an unknown unit is told the units`(_ text: String) {
        let answers = [
            "'\(text)' has an unknown unit: use one of us, ms, s, m, h",
            "'\(text)' is not a duration: give a duration from 0 to 1h",
        ]
        #expect(refusal(text).map(answers.contains) == true)
    }

    @Test(arguments: ["", "s", "ms", ".s", "1.s", ".5s", "1..2s", "1.2.3s", "--1s", "1-2s", "abc", "1e3s"])
    func `anything else is no duration`(_ text: String) {
        #expect(refusal(text) != nil)
    }

    @Test(arguments: ["-1s", "3601s", "61m", "2h", "999999999999999999999999999999h", "9223372036854775807h"])
    func `a duration outside the range is told the range`(_ text: String) {
        #expect(refusal(text) == "'\(text)' is out of range: give a duration from 0 to 1h")
    }

    @Test(arguments: ["0.5us", "0.000000001h", "0.999999999h", "0.9999999999h", "0.0000001s", "1.0000000001h"])
    func `a fraction of a microsecond is refused`(_ text: String) {
        #expect(refusal(text) == "'\(text)' is finer than a microsecond: give a duration from 0 to 1h")
    }

    @Test(arguments: ["0", "1us", "250us", "100ms", "1500ms", "10s", "90s", "2m", "1h", "36h"])
    func `a printed duration reads back as itself`(_ text: String) throws {
        #expect(durationText(try duration(text, in: .zero ... .seconds(1_000_000))) == text)
    }
}
