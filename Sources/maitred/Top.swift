// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig
import MaitredControl

/// `maitred top`: the status, live.
struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch the service and its workers.",
        usage: "maitred top [--interval <TIME>] [--name <NAME>]",
        discussion: """
              maitred top

            Keys: q quits, h shows all keys, the letters behind 'sort:' choose what the workers are sorted by (o open, \
            u queued, m memory, c CPU …), R reverses that, arrows and PgUp and PgDn scroll.

            A master that is stopped and started again is found again.
            """
    )

    @Option(
        help: .init("How often to look: 100ms to 30s.", valueName: "TIME")
    )
    var interval: String = "1s"

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        // A master closes the connection of a client that says nothing for a minute.
        let pause: Duration
        do throws(InvalidValue) {
            pause = try duration(interval, in: .milliseconds(100) ... .seconds(30))
        } catch {
            throw ConfigurationError(origin: .flag("--interval"), problem: error.problem)
        }
        // Looked at before the terminal is taken: what goes wrong here is a line like any other.
        let path = try master.path()
        var conversation = Conversation(try .connect(to: path))
        let report = try conversation.status()
        var loop = try TopLoop(path: path, conversation, report, every: pause)
        try loop.run()
    }
}
