// SPDX-License-Identifier: Apache-2.0

import MaitredControl

/// A command that was understood and did not work: the line to print, and the exit status.
struct CommandFailure: Error, CustomStringConvertible {
    /// One line, without the program's name.
    let description: String
    /// The exit status.
    let status: Int32

    /// The master refused, or what it began did not succeed.
    static func refused(_ reason: String) -> CommandFailure {
        CommandFailure(description: reason, status: Failure.failed)
    }

    /// The master was there and is no more.
    static func gone(_ what: String) -> CommandFailure {
        CommandFailure(description: what, status: Failure.unavailable)
    }
}

extension ControlConnectionError {
    /// The exit status of a command that ends with this.
    var status: Int32 {
        switch self {
        case .notRunning, .noAnswer: Failure.unavailable
        case .forbidden, .answerTooLong, .failed: Failure.failed
        }
    }
}

extension ControlPathError {
    /// The exit status of a command that ends with this.
    var status: Int32 {
        switch self {
        case .missing: Failure.unavailable
        case .several: Failure.usage
        }
    }
}
