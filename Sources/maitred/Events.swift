// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredConsole
import MaitredControl

/// `maitred events`: what happens, as it happens.
struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what happens, as it happens.",
        usage: "maitred events [--json] [--since <TIME>] [--count <N>] [--name <NAME>]",
        discussion: """
            Everything from now on, until Ctrl-C:

              maitred events

            What has happened in the last five minutes, and what comes:

              maitred events --since 5m

            Wait until a worker exits:

              maitred events --json | grep -m 1 '"event":"worker-exited"'

            TIME has a unit: 30s, 5m, 1h. The master keeps its last 1024 events. The command ends with 0 when the \
            master has stopped, and with 69 when it is gone in another way.
            """
    )

    @Flag(help: "Print each event as a line of JSON (docs/CONTROL.md).")
    var json = false

    @Option(help: .init("Begin with what has happened in this time. (default: with what comes)", valueName: "TIME"))
    var since: String?

    @Option(help: .init("End after so many events. (default: never)", valueName: "N"))
    var count: String?

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        var request = ControlRequest(.events)
        request.since = try since.map(Self.seconds)
        let limit = try count.map(Self.number)
        var conversation = Conversation(try master.connect())
        _ = try conversation.ask(request)
        do {
            try print(limit, from: &conversation)
        } catch is StandardOutput.Closed {
            // Who no longer reads has seen enough.
        }
    }

    private func print(_ limit: Int?, from conversation: inout Conversation) throws {
        let style = StandardOutput.style
        let isTerminal = StandardOutput.isTerminal
        var printed = 0
        var hasStopped = false
        while printed != limit {
            switch try conversation.nextLine(within: .zero) {
            case .line(let line):
                let event = try ControlJSON.decode(EventLine.self, from: line)
                let text = json ? nil : try EventText.line(line, style: style, hasDate: !isTerminal)
                try StandardOutput.write((text.map { Array($0.utf8) } ?? line) + [UInt8(ascii: "\n")])
                printed += 1
                hasStopped = event.event == Self.lastEvent
            case .ended where hasStopped: return
            case .ended: throw CommandFailure.gone("the master has closed the connection")
            case .timedOut:
                let ready = Waiting.wait(
                    for: [.readable(conversation.number), .hungUp(STDOUT_FILENO)],
                    within: nil
                )
                // A reader may go while nothing happens.
                if ready[1] { throw StandardOutput.Closed(errno: EPIPE) }
            }
        }
    }

    /// The event behind which none comes.
    private static let lastEvent = "stopped"

    /// Longer than any master's memory, and within what a duration holds.
    private static let longest = Duration.seconds(30 * 86_400)

    private static func seconds(_ text: String) throws -> Double {
        do throws(InvalidValue) {
            return try duration(text, in: .zero...longest) / .seconds(1)
        } catch {
            throw ConfigurationError(origin: .flag("--since"), problem: error.problem)
        }
    }

    private static func number(_ text: String) throws -> Int {
        do throws(InvalidValue) {
            return try wholeNumber(text, in: 1...Int(Int32.max))
        } catch {
            throw ConfigurationError(origin: .flag("--count"), problem: error.problem)
        }
    }
}
