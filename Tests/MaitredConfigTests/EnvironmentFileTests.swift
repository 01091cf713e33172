// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct EnvironmentFileTests {
    private func pairs(_ text: String) throws -> [String] {
        try EnvironmentFile(text, name: "f").entries.map { "\($0.line) \($0.key)=\($0.value)" }
    }

    private func refusal(_ text: String) -> String? {
        line { () throws(ConfigurationError) in try EnvironmentFile(text, name: "f.conf") }
    }

    @Test(
        arguments: [
            ("", []), ("\n\n  \n", []), ("# a\n; b=c\n  # d", []), ("A=1", ["1 A=1"]),
            ("A=1\nB=2\n", ["1 A=1", "2 B=2"]),
            ("A=1\r\nB=2\r\n", ["1 A=1", "2 B=2"]), ("A=1\rB=2", ["1 A=1", "2 B=2"]), ("\u{FEFF}A=1", ["1 A=1"]),
            ("  A = 1 2  \n", ["1 A=1 2"]), ("A=\nB=2", ["1 A=", "2 B=2"]), ("A=b=c", ["1 A=b=c"]),
            ("A=b # c", ["1 A=b # c"]), ("A=b ; c", ["1 A=b ; c"]), ("A=é👩‍👧", ["1 A=é👩‍👧"]),
            ("# ends in \\\nA=1", ["2 A=1"]),
        ] as [(String, [String])]
    )
    func `lines, blanks and comments are told apart`(_ text: String, _ expected: [String]) throws {
        #expect(try pairs(text) == expected)
    }

    @Test(arguments: [
        ("A='b c'", "b c"), ("A=\"b c\"  ", "b c"), ("A='b'\"c\"'d'", "bcd"), ("A=''", ""), (#"A='\n'"#, #"\n"#),
        (#"A="\"\\\$\`\n""#, #""\$`\n"#), ("A='x\ny'", "x\ny"), ("A=\"x\\\ny\"", "xy"), ("A=\"x\\\r\ny\"", "xy"),
        ("A=' b '", " b "), (#"A=x "y z""#, #"x "y z""#), (#"A=it's"#, "it's"), ("A='#'", "#"),
    ])
    func `quotes hold a value together`(_ text: String, _ value: String) throws {
        #expect(try EnvironmentFile(text, name: "f").entries.map(\.value) == [value])
    }

    @Test(arguments: [
        (#"A=b\ "#, "b "), (#"A=\'b"#, "'b"), ("A=b\\\nc", "bc"), ("A=b \\\n  c", "b   c"), ("A=b\\\r\nc", "bc"),
        (#"A=a\\b"#, #"a\b"#), (#"A=b\"#, "b"), ("A=\\\n", ""), (#"A=\ b"#, " b"),
    ])
    func `a backslash takes the next character and joins lines`(_ text: String, _ value: String) throws {
        #expect(try EnvironmentFile(text, name: "f").entries.map(\.value) == [value])
    }

    @Test func `lines are counted through continuations and quotes`() throws {
        let text = "# one\nA=x\\\ny\n\nB='1\n2\n3'\nC=4\r\nD=5\rE=6"
        #expect(try pairs(text) == ["2 A=xy", "5 B=1\n2\n3", "8 C=4", "9 D=5", "10 E=6"])
    }

    @Test(arguments: [
        (
            "A=1\n\nWORKERS 4\n",
            "f.conf:3: there is no '=': write KEY=VALUE, or start the line with # for a comment"
        ),
        (
            "export A=1",
            "f.conf:1: no variable name before the '=': use letters, digits and _, and no digit first"
        ),
        ("1A=1", "f.conf:1: no variable name before the '=': use letters, digits and _, and no digit first"),
        ("=1", "f.conf:1: no variable name before the '=': use letters, digits and _, and no digit first"),
        ("é=1", "f.conf:1: no variable name before the '=': use letters, digits and _, and no digit first"),
        ("\nA='b\n\n", "f.conf:2: A: the quote that opens here is never closed: close it"),
        ("A=\"b\\\"", "f.conf:1: A: the quote that opens here is never closed: close it"),
        ("B=1\nA=\"b\" c", "f.conf:2: A: there is text after the closing quote: quote the whole value"),
        ("A='b' 'c'", "f.conf:1: A: there is text after the closing quote: quote the whole value"),
        ("A='b'c", "f.conf:1: A: there is text after the closing quote: quote the whole value"),
        ("A=b\u{0}c", "f.conf:1: A: the value contains a NUL: remove it"),
        ("A\u{0}=b", "f.conf:1: no variable name before the '=': use letters, digits and _, and no digit first"),
    ])
    func `a mistake is told with its line`(_ text: String, _ expected: String) {
        #expect(refusal(text) == expected)
    }

    @Test func `a file of the largest size is read`() throws {
        let line = "KEY=" + String(repeating: "x", count: 59) + "\n"
        let text = String(repeating: line, count: (1 << 20) / line.utf8.count)
        #expect(try EnvironmentFile(text, name: "f").entries.count == 16_384)
    }
}
