// SPDX-License-Identifier: Apache-2.0

/// What a command of env(1) runs: `env -i NAME=VALUE python3 server.py`, or the `#!/usr/bin/env` line of a script.
package struct EnvCommand: Equatable, Sendable {
    /// Whether the program starts without the variables that env was given.
    package private(set) var clears = false
    /// Where the program is looked for, if the command says it.
    package private(set) var searchPath: String?
    /// The program and its arguments.
    package private(set) var words: [String] = []

    private static let longClear = "--ignore-environment"
    private static let longSplit = "--split-string="

    /// Reads the words of a command, env itself the first.
    ///
    /// Nil when it runs nothing, or has something in it that is not understood here.
    package init?(_ command: [String]) {
        var rest = command.dropFirst()
        while let word = rest.first, word.hasPrefix("-"), word != "--" {
            rest = rest.dropFirst()
            switch word {
            case "-", "-i", Self.longClear: clears = true
            case "-v", "--debug": break
            case "-u", "--unset", "-C", "--chdir": rest = rest.dropFirst()
            case "-S", "--split-string":
                guard let text = rest.first, let words = Self.split(text) else { return nil }
                rest = words + rest.dropFirst()
            case _ where word.hasPrefix("-S"), _ where word.hasPrefix(Self.longSplit):
                let text = word.dropFirst(word.hasPrefix("-S") ? 2 : Self.longSplit.count)
                guard let words = Self.split(String(text)) else { return nil }
                rest = words + rest
            case _ where word.hasPrefix("--unset="), _ where word.hasPrefix("--chdir="): break
            case _ where word.contains("signal"): break
            default: return nil
            }
        }
        if rest.first == "--" { rest = rest.dropFirst() }
        while let word = rest.first, word.contains("=") {
            if word.hasPrefix("PATH=") { searchPath = String(word.dropFirst("PATH=".count)) }
            rest = rest.dropFirst()
        }
        guard !rest.isEmpty else { return nil }
        words = Array(rest)
    }

    /// Cuts a text at its blanks; nil when quotes, escapes or variables in it mean more.
    private static func split(_ text: String) -> ArraySlice<String>? {
        guard !text.contains(where: { "'\"\\$#".contains($0) }) else { return nil }
        return text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
    }
}
