// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConsole

struct StyleTests {
    @Test(arguments: [
        (true, ["TERM": "xterm"], true), (false, ["TERM": "xterm"], false), (true, [:], false),
        (true, ["TERM": "dumb"], false), (true, ["TERM": "xterm", "NO_COLOR": "1"], false),
        (true, ["TERM": "xterm", "NO_COLOR": ""], true),
    ])
    func `only a terminal with colours is painted`(
        _ isTerminal: Bool,
        _ environment: [String: String],
        _ isPainted: Bool
    ) {
        #expect(Style.suiting(isTerminal: isTerminal, environment: environment).isPainted == isPainted)
    }

    @Test func `a line is cut at columns, not at bytes or escapes`() {
        var line = StyledLine("état ", .strong)
        line.append("日本語", .bad)
        #expect(line.width == 11)
        #expect(line.text(.painted, columns: 11) == "\u{1B}[1métat \u{1B}[0m\u{1B}[1;31m日本語\u{1B}[0m")
        #expect(line.text(.painted, columns: 10) == "\u{1B}[1métat \u{1B}[0m\u{1B}[1;31m日本\u{1B}[0m…")
        #expect(line.text(.plain, columns: 3) == "ét…")
        #expect(line.text(.plain, columns: 0) == "")
    }
}
