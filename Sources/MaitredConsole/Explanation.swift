// SPDX-License-Identifier: Apache-2.0

/// What `maitred explain-worker` has found.
///
/// `--json` prints it as it is. Times are in seconds; what is not known is left out.
package struct Explanation: Encodable, Equatable, Sendable {
    /// Who gives connections to the program.
    package enum Feeder: String, Encodable, Sendable {
        /// It speaks the wire, with an SDK or by hand.
        case sdk
        /// The preload library.
        case library
        /// Nobody.
        case nothing
    }

    /// An address that was opened for the program.
    package struct Listener: Encodable, Equatable, Sendable {
        /// As events write it.
        package var address: String
        /// How long the test connection waited until the program took it; nil when it did not.
        package var takenAfter: Double?

        /// Groups the two.
        package init(address: String, takenAfter: Double?) {
            self.address = address
            self.takenAfter = takenAfter
        }
    }

    /// A process of the worker.
    package struct Process: Encodable, Equatable, Sendable {
        /// Its number.
        package var pid: Int
        /// Its command line.
        package var command: String
        /// Whether it has the preload library in its memory.
        package var hasLibrary: Bool?

        /// Groups the three.
        package init(pid: Int, command: String, hasLibrary: Bool?) {
            self.pid = pid
            self.command = command
            self.hasLibrary = hasLibrary
        }
    }

    /// The form of this report: 1.
    package var version = 1
    /// What was started.
    package var command: [String] = []
    /// Whether it can be a worker.
    package var canBeWorker = false
    /// Who gives connections to it.
    package var fedBy = Feeder.nothing
    /// Why it cannot be a worker, in a word that never changes its meaning.
    package var cause: String?
    /// The same in a clause.
    package var reason: String?
    /// The addresses that were opened for it.
    package var listeners: [Listener] = []
    /// Where it listens by itself.
    package var ownListeners: [String] = []
    /// Its processes.
    package var processes: [Process] = []
    /// From its start until it said that it listens.
    package var listenedAfter: Double?
    /// From its start until it was ready.
    package var readyAfter: Double?
    /// How long it was given to become ready.
    package var startTimeout = 0.0
    /// How it ended, if it did: "exit code 1".
    package var exit: String?
    /// From its start until it ended.
    package var exitedAfter: Double?
    /// What would help.
    package var advice: [String] = []

    /// An explanation of nothing.
    package init() {}
}
