// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConsole

struct KeyTests {
    private func keys(_ text: String) -> [Key] {
        var decoder = KeyDecoder()
        return decoder.keys(in: text.utf8)
    }

    @Test(arguments: [
        ("\u{1B}[A", Key.up), ("\u{1B}OB", .down), ("\u{1B}[5~", .pageUp), ("\u{1B}[6~", .pageDown),
        ("\u{1B}[H", .home),
        ("\u{1B}[1~", .home), ("\u{1B}OF", .end), ("\u{1B}[4~", .end), ("\u{1B}[1;5A", .up), ("q", .character("q")),
    ])
    func `a sequence is a key`(_ text: String, _ key: Key) {
        #expect(keys(text) == [key])
    }

    @Test(arguments: ["\u{1B}[15~", "\u{1B}[200~", "\u{1B}q", "\u{1B}[<0;10;10M", "\u{7F}", "\r", "\u{1B}"])
    func `other sequences leave no letters behind`(_ text: String) {
        #expect(keys(text).isEmpty)
    }

    @Test func `a sequence may come in pieces`() {
        var decoder = KeyDecoder()
        #expect("\u{1B}[5~o".utf8.flatMap { decoder.keys(in: [$0]) } == [.pageUp, .character("o")])
    }

    @Test func `a sequence of any length takes no memory`() {
        #expect(keys("\u{1B}[" + String(repeating: "1", count: 100_000) + "~q") == [.character("q")])
    }
}
