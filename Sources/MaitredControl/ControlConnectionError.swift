// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import MaitredSystem

/// Why a client cannot talk to a master.
package enum ControlConnectionError: Error, Equatable, CustomStringConvertible {
    /// There is no socket, or nobody behind it.
    case notRunning(path: String)
    /// This user may not connect; who may, where that can be seen.
    case forbidden(path: String, allowed: String?)
    /// The master did not accept, take or answer in time.
    case noAnswer(path: String)
    /// The master sent a line that no client can want.
    case answerTooLong(path: String)
    /// Anything else the system says.
    case failed(String)

    /// One line for whoever typed the command.
    package var description: String {
        switch self {
        case .notRunning(let path): "no maitred answers at \(path): is it running?"
        case .forbidden(let path, let allowed?): "permission denied for \(path): open to \(allowed)"
        case .forbidden(let path, nil): "permission denied for \(path)"
        case .noAnswer(let path): "maitred at \(path) does not answer in time"
        case .answerTooLong(let path):
            "maitred at \(path) sent a line of more than \(ControlConnection.longestLine) bytes"
        case .failed(let words): words
        }
    }

    /// Sorts the errors of a connect.
    init(connecting error: SystemError, to path: String) {
        switch error.errno {
        case ENOENT, ECONNREFUSED: self = .notRunning(path: path)
        case EACCES, EPERM: self = .forbidden(path: path, allowed: Self.allowed(at: path))
        case EAGAIN: self = .noAnswer(path: path)
        default: self = .failed(error.description)
        }
    }

    /// "root, user web, group operators", nil when the file may not be looked at.
    private static func allowed(at path: String) -> String? {
        guard let access = FileAccess(path: path) else { return nil }
        var allowed = ["root"]
        if access.user != 0 { allowed.append("user \(AccountNames.user(access.user))") }
        if access.isGroupWritable { allowed.append("group \(AccountNames.group(access.group))") }
        return allowed.joined(separator: ", ")
    }
}
