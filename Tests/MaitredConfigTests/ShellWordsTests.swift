// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct ShellWordsTests {
    @Test(
        arguments: [
            ("", []), ("   ", []), ("a", ["a"]), ("  a  b\tc\n", ["a", "b", "c"]),
            ("'a b' c", ["a b", "c"]), ("\"a b\" c", ["a b", "c"]), ("a'b'\"c\"d", ["abcd"]), ("''", [""]),
            ("\"\"", [""]),
            ("a '' b", ["a", "", "b"]), (#"a\ b"#, ["a b"]), (#"\\"#, [#"\"#]), (#"\'"#, ["'"]), (#"'\'"#, [#"\"#]),
            (#""\"\\\$\`""#, [#""\$`"#]), (#""\n""#, [#"\n"#]), ("$HOME * ~", ["$HOME", "*", "~"]),
            ("python3 -m \"x y\" --flag='a\"b'", ["python3", "-m", "x y", "--flag=a\"b"]), ("é 👩‍👧", ["é", "👩‍👧"]),
        ] as [(String, [String])]
    )
    func `words are split as a shell splits them`(_ text: String, _ words: [String]) throws {
        #expect(try shellWords(text) == words)
    }

    @Test(arguments: [
        ("'a", "has a single quote that is not closed: close it, or write \\' for the sign"),
        ("a \"b", "has a double quote that is not closed: close it, or write \\\" for the sign"),
        ("a \"b\\", "has a double quote that is not closed: close it, or write \\\" for the sign"),
        ("a\\", "ends in a backslash: write two of them for a backslash"),
    ])
    func `what is left open is an error`(_ text: String, _ expected: String) {
        #expect(problem { () throws(InvalidValue) in try shellWords(text) } == expected)
    }

    @Test func `words printed as one text are split into the same words`() throws {
        #expect(shellText(["./server", "--title", "two words"]) == "./server --title 'two words'")
        let lists = [[], [""], ["it's"], ["'"], ["\\", "a\\ b", "\""], ["a\nb", "\t", " "], ["$HOME", "é"], garbage]
        for words in lists {
            #expect(try shellWords(shellText(words)) == words)
        }
    }
}
