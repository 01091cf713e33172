// SPDX-License-Identifier: Apache-2.0

import Logging
import Testing

@testable import MaitredMaster

struct LoggingTextTests {
    @Test func `metadata follows the message in the order of its names`() {
        #expect(LogText.body("worker ready", ["worker": "3", "slot": "1"]) == "worker ready slot=1 worker=3")
        #expect(LogText.body("worker ready", [:]) == "worker ready")
    }

    @Test(arguments: [
        ("/usr/bin/x", "/usr/bin/x"), ("a b", "\"a b\""), ("", "\"\""), ("say \"no\"", "\"say \\\"no\\\"\""),
        ("a\nb", "a\\nb"),
    ])
    func `a value is quoted when its end would be unclear`(value: String, text: String) {
        #expect(LogText.body("m", ["key": "\(value)"]) == "m key=\(text)")
    }

    @Test(arguments: [
        ("plain", "plain"), ("a\nb\r\tc", "a\\nb\\r\\tc"), ("\u{1B}[31mred", "\\u{1b}[31mred"), ("\u{7F}", "\\u{7f}"),
        ("\u{85}\u{2028}", "\\u{85}\\u{2028}"), ("\u{202E}txt.exe", "\\u{202e}txt.exe"), ("Zürich 東京", "Zürich 東京"),
    ])
    func `nothing that a client can cause to be logged moves the cursor`(text: String, escaped: String) {
        #expect(LogText.escaped(text) == escaped)
    }

    @Test func `the narrower metadata wins, and an error is part of it`() {
        struct Broken: Error {}
        var metadata = LogMetadata(fixed: ["a": "handler", "b": "handler", "c": "handler"])
        metadata.provider = .init { ["b": "provider", "c": "provider"] }
        let event = LogEvent(
            level: .info,
            message: "m",
            error: Broken(),
            metadata: ["c": "event"],
            source: nil,
            file: "f",
            function: "g",
            line: 1
        )
        #expect(metadata.all(for: event) == ["a": "handler", "b": "provider", "c": "event", "error": "Broken()"])
    }
}

struct LoggingLineTests {
    private let timestamp = "2026-11-22T18:53:46.123+0000"

    private func line(
        _ style: LogLineStyle,
        _ level: Logger.Level = .info,
        body: String = "x",
        limit: Int = 4096
    ) -> String {
        String(
            decoding: LogLine.bytes(style, timestamp: timestamp, level: level, body: body, limit: limit),
            as: UTF8.self
        )
    }

    @Test func `a file gets the whole date`() {
        #expect(
            line(.dated, body: "worker ready worker=3") == "2026-11-22T18:53:46.123+0000 info: worker ready worker=3\n"
        )
    }

    @Test func `a terminal gets the time of day and a level in colour`() {
        #expect(line(.terminal(colored: false)) == "18:53:46.123 info: x\n")
        #expect(line(.terminal(colored: true), .error) == "18:53:46.123 \u{1B}[31merror\u{1B}[0m: x\n")
    }

    @Test func `a long line is cut between characters and still ends`() {
        for limit in 60...64 {
            let text = line(.dated, body: String(repeating: "é", count: 100), limit: limit)
            #expect((limit - 2...limit).contains(text.utf8.count))
            #expect(text.hasSuffix("é…\n"))
        }
    }

    @Test(
        arguments: [
            (["TERM": "xterm"], true), (["TERM": "dumb"], false), ([:], false),
            (["TERM": "xterm", "NO_COLOR": "1"], false),
            (["TERM": "xterm", "NO_COLOR": ""], true),
        ] as [([String: String], Bool)]
    )
    func `colours are for terminals that have them, unless NO_COLOR is set`(
        environment: [String: String],
        colored: Bool
    ) {
        #expect(LogLineStyle.terminal(environment: environment) == .terminal(colored: colored))
    }
}
