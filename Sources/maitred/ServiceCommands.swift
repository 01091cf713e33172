// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig
import MaitredControl

// The commands that are about the whole service, but for reload.

/// `maitred scale`: more workers, or fewer.
struct Scale: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change the number of workers.",
        usage: "maitred scale [--wait] [--name <NAME>] <count>",
        discussion: """
            Eight workers, from now until the configuration is read again:

              maitred scale 8

            With fewer, the workers of the highest slots finish their connections and stop. Slots that were given up \
            are tried again.
            """
    )

    @Flag(help: .wait)
    var wait = false

    @Argument(help: "How many workers are to run, 1 to 512.")
    var count: String

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        var request = ControlRequest(.scale)
        do throws(InvalidValue) {
            request.count = try wholeNumber(count, in: Configuration.workersRange)
        } catch {
            throw ConfigurationError(origin: .flag("COUNT"), problem: error.problem)
        }
        try master.perform(
            request,
            waitingFor: wait ? LongTask(name: "the scaling", participle: "changed") : nil
        )
    }
}

/// `maitred strategy`: another choice among workers.
struct Strategy: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Choose workers by another strategy, from the next connection on.",
        usage: "maitred strategy [--name <NAME>] <strategy>",
        discussion: """
              maitred strategy least-connections

            Connections that were handed over stay where they are. It lasts until the configuration is read again.
            """
    )

    @Argument(help: "The strategy's name, as for 'maitred serve --strategy'.", completion: .of(.strategy))
    var strategy: String

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        let words = Setting.strategy.choices.map(\.word)
        guard words.contains(strategy) else {
            let advice = nearest(to: strategy, among: words).map { "did you mean '\($0)'?" }
            let all = "give one of \(words.joined(separator: ", "))"
            throw ConfigurationError(
                origin: nil,
                problem: "\(quoted(strategy)) is not a strategy: \(advice ?? all)"
            )
        }
        var request = ControlRequest(.strategy)
        request.strategy = strategy
        try master.perform(request)
    }
}

/// `maitred stop`: the end of the service.
struct Stop: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let all workers finish their connections, and stop the service.",
        usage: "maitred stop [--name <NAME>]",
        discussion: """
            The command ends when the stop has begun. SIGTERM to the master does the same. Under systemd use \
            'systemctl stop', so that systemd knows that it was meant.
            """
    )

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        try master.perform(ControlRequest(.stop))
    }
}
