// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConsole
import MaitredControl

/// `maitred status`: the master and its workers at this moment.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the service and each of its workers.",
        usage: "maitred status [--json] [--name <NAME>]",
        discussion: """
            How is it going, and which worker does what?

              maitred status

            The same for a program, here the numbers of the workers that are busy:

              maitred status --json | jq '.workers[] | select(.state == "busy") | .id'

            SLOT is the worker's place, which its successor takes over; GEN counts the configurations, one more with each \
            reload. OPEN are the connections that a worker has, those that still wait for it among them; QUEUED are those that \
            wait. TAKEN counts the connections of its life, REQ/ERR the requests answered and failed if the program \
            reports them. CPU is a share of one processor over the last second, RESTARTS counts the workers that its \
            slot had before, and PROCS its processes that count by themselves, through an SDK or the library: a shell \
            that only starts them is none. A narrow terminal shows fewer columns, a pipe all of them.

            The exit status is 0 when a master answers, whatever it says, and 69 when none does.
            """
    )

    @Flag(help: "Print the report as JSON (docs/CONTROL.md).")
    var json = false

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        var conversation = Conversation(try master.connect())
        let report = try conversation.status()
        guard !json else { return try StandardOutput.write(ControlJSON.text(report) + [UInt8(ascii: "\n")]) }
        let width = StandardOutput.isTerminal ? Terminal.size(of: STDOUT_FILENO).columns : nil
        try StandardOutput.write(StatusText.of(report, style: StandardOutput.style, width: width))
    }
}
