// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredControl

// The commands that are about one worker.

/// `maitred restart`: a successor, then the end.
struct Restart: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replace one worker.",
        usage: "maitred restart [--wait] [--name <NAME>] <worker>",
        discussion: """
            Worker 3 has grown too large:

              maitred restart 3 --wait

            Its successor is started first; the worker finishes its connections once the successor is ready, and stays \
            if it does not get ready.
            """
    )

    @Flag(help: .wait)
    var wait = false

    @Argument(help: .worker)
    var worker: String

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        try master.perform(.restart, worker: worker) { number in
            wait ? LongTask(name: "the restart of worker \(number)", participle: "replaced") : nil
        }
    }
}

/// `maitred drain`: the end, then a successor.
struct Drain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let one worker finish its connections and stop.",
        usage: "maitred drain [--wait] [--name <NAME>] <worker>",
        discussion: """
            Worker 3 is to go at once, without waiting for a successor:

              maitred drain 3 --wait

            It gets no connection any more, what waits for it goes to others, and it is stopped when its last \
            connection is closed. Another worker takes its place.
            """
    )

    @Flag(help: .wait)
    var wait = false

    @Argument(help: .worker)
    var worker: String

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        try master.perform(.drain, worker: worker) { number in
            wait ? LongTask(name: "the draining of worker \(number)", participle: "drained") : nil
        }
    }
}

/// `maitred hold`: out of the rotation.
struct Hold: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give one worker no connections, until it is released.",
        usage: "maitred hold [--name <NAME>] <worker>",
        discussion: """
            Look at worker 3 with a debugger:

              maitred hold 3
              gdb -p "$(maitred status --json | jq '.workers[] | select(.id == 3) | .pid')"
              maitred release 3

            It keeps the connections it has, and may stand still as long as you like: it is neither called busy nor \
            killed for it.
            """
    )

    @Argument(help: .worker)
    var worker: String

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        try master.perform(.hold, worker: worker)
    }
}

/// `maitred release`: back into the rotation.
struct Release: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a worker that was held connections again.",
        usage: "maitred release [--name <NAME>] <worker>"
    )

    @Argument(help: .worker)
    var worker: String

    @OptionGroup(title: "Which master") var master: MasterOptions

    func run() throws {
        try master.perform(.release, worker: worker)
    }
}

extension MasterOptions {
    /// Asks the master for something about one worker.
    ///
    /// - Parameters:
    ///   - command: What.
    ///   - text: The worker's number as it was given.
    ///   - task: What is waited for, nil to wait for nothing.
    /// - Throws: Whatever keeps it from being done.
    fileprivate func perform(
        _ command: ControlRequest.Command,
        worker text: String,
        waitingFor task: (_ worker: Int) -> LongTask? = { _ in nil }
    ) throws {
        let number = try workerNumber(text)
        var request = ControlRequest(command)
        request.worker = number
        try perform(request, waitingFor: task(number))
    }
}
