// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct ConfigurationErrorTests {
    @Test(
        arguments: [
            (.flag("--workers"), "--workers: wrong"), (.variable("MAITRED_WORKERS"), "MAITRED_WORKERS: wrong"),
            (.file(name: "/etc/a.conf", line: 3, key: "MAITRED_WORKERS"), "/etc/a.conf:3: MAITRED_WORKERS: wrong"),
            (.file(name: "a\nb", line: 3, key: nil), "a\\u{a}b:3: wrong"), (nil, "wrong"),
        ] as [(SettingOrigin?, String)]
    )
    func `an error starts with its place`(_ origin: SettingOrigin?, _ expected: String) {
        #expect("\(ConfigurationError(origin: origin, problem: "wrong"))" == expected)
    }

    @Test(arguments: [
        ("plain é 👍", "plain é 👍"), ("a\nb\0c\u{1B}", "a\\u{a}b\\u{0}c\\u{1b}"), ("\u{202E}x", "\\u{202e}x"),
        ("\u{2028}", "\\u{2028}"), ("\u{85}", "\\u{85}"),
    ])
    func `what a terminal could act on is escaped`(_ text: String, _ expected: String) {
        #expect(visible(text) == expected)
    }

    @Test func `a long text is cut`() {
        #expect(visible(String(repeating: "x", count: 1_000_000)) == String(repeating: "x", count: 80) + "…")
        #expect(visible(String(repeating: "x", count: 80)) == String(repeating: "x", count: 80))
    }
}
