// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a path is to somebody who wants to execute it.
package enum Executable: Equatable, Sendable {
    /// A file this process may execute.
    case runnable
    /// Nothing is there, or it cannot be reached.
    case missing
    /// A directory.
    case directory
    /// A file without the permission.
    case notExecutable

    /// Whether a path names a file that this process may read.
    ///
    /// Wraps `access(2)`.
    package static func isFile(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        return unsafe access(path, R_OK) == 0
    }

    /// Looks at a path.
    ///
    /// Wraps `stat(2)` and `access(2)`.
    package static func examine(_ path: String) -> Executable {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return errno == EACCES ? .notExecutable : .missing }
        if status.st_mode & S_IFMT == S_IFDIR { return .directory }
        return unsafe access(path, X_OK) == 0 ? .runnable : .notExecutable
    }
}
