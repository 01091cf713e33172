// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig

/// The words at the beginning of a command line, as far as they name a command.
struct CommandWords {
    /// The command that they name: "bench load"; empty for `maitred` itself.
    let name: String
    /// The next word, where a command should stand and none of that name is known.
    let unknown: String?
    /// The commands that could stand there.
    private let candidates: [String]

    /// Follows the words down the tree of commands; those behind `help` too.
    init(_ words: [String]) {
        let isHelp = words.first == "help"
        var rest = words.dropFirst(isHelp ? 1 : 0)
        var path: [String] = []
        var commands = Maitred.configuration.subcommands
        while let word = rest.first, let command = commands.first(where: { $0._commandName == word }) {
            path.append(word)
            commands = command.configuration.subcommands
            rest = rest.dropFirst()
        }
        name = path.joined(separator: " ")
        candidates = commands.map { $0._commandName } + (path.isEmpty && !isHelp ? ["help"] : [])
        unknown = commands.isEmpty ? nil : rest.first.flatMap { $0.hasPrefix("-") ? nil : $0 }
    }

    /// Where to read more.
    var help: String { name.isEmpty ? "maitred --help" : "maitred \(name) --help" }

    /// What to say of a command that is not known; nil when all are.
    var problem: String? {
        guard let unknown else { return nil }
        let known = nearest(to: unknown, among: candidates).map { "did you mean '\($0)'?" }
        return "unknown command \(quoted(unknown)): \(known ?? "see '\(help)'")"
    }
}
