// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredControl

/// The `maitred` command.
@main
struct Maitred: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maitred",
        abstract: "Runs copies of a server and gives each connection to the one that should have it.",
        discussion: """
            maitred owns the listening sockets, accepts each connection, chooses a worker process, and hands \
            the connection itself over. From then on client and worker talk directly.

              maitred serve --listen :8080 --workers 4 -- ./server
            """,
        version: ProgramVersion.text,
        subcommands: [
            Serve.self, Check.self, ExplainWorker.self, Status.self, Top.self, Events.self, Reload.self, Restart.self,
            Drain.self, Hold.self, Release.self, Scale.self, Strategy.self, Stop.self, Bench.self,
        ]
    )

    /// Parses, runs and ends; synchronous, so that the process stays at one thread.
    static func main() {
        do {
            let words = try commandLineWords()
            var command = parsed(words)
            try command.run()
        } catch {
            Failure.end(running: error)
        }
    }

    private static func parsed(_ words: [String]) -> any ParsableCommand {
        // Of a command that it does not know ArgumentParser says whatever else is wrong, or gives the help of another.
        if let problem = CommandWords(words).problem { Failure.end(misused: problem) }
        do {
            return try parseAsRoot(words)
        } catch {
            Failure.end(parsing: words, error)
        }
    }
}
