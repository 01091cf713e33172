// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem
internal import MaitredWire

/// Why a worker could not be attached to its master, or could not speak to it.
public struct WorkerError: Error, Equatable, CustomStringConvertible {
    /// What kind of failure it is; more kinds may come.
    public struct Code: Equatable, Sendable {
        private enum Kind {
            case notManaged
            case alreadyAttached
            case environment
            case masterGone
            case tooLarge
        }

        private let kind: Kind

        /// The process was not started by a maitred master.
        public static let notManaged = Code(kind: .notManaged)
        /// This process is attached already.
        public static let alreadyAttached = Code(kind: .alreadyAttached)
        /// The environment or what it names is damaged, often by a wrapper between master and worker.
        public static let environment = Code(kind: .environment)
        /// The master ended.
        public static let masterGone = Code(kind: .masterGone)
        /// A message exceeds the limit of 16 MiB.
        public static let tooLarge = Code(kind: .tooLarge)
    }

    /// What kind of failure it is.
    public let code: Code

    /// One line for a person.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ error: WireError) {
        if case .tooLarge = error {
            self.init(.tooLarge, error.description)
        } else {
            self.init(.environment, error.description)
        }
    }

    init(_ error: SystemError) {
        self.init(.environment, error.description)
    }
}
