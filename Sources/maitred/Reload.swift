// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredControl

/// `maitred reload`: new workers with the present configuration, one after another.
struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the configuration again and replace all workers, one by one.",
        usage: "maitred reload [--wait] [--name <NAME>]",
        discussion: """
            After a deployment, in a script that must know whether it worked:

              maitred reload --wait || echo 'the old version still serves'

            The configuration is checked before any worker is touched. Each worker is replaced only when its successor \
            is ready, and finishes its connections. If a successor does not get ready, what is left of the old workers \
            stays. SIGHUP does the same without an answer.

            Ctrl-C while waiting ends the waiting, not the reload.
            """
    )

    @Flag(help: .wait)
    var wait = false

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        try master.perform(
            ControlRequest(.reload),
            waitingFor: wait ? LongTask(name: "the reload", participle: "replaced") : nil
        )
    }
}
