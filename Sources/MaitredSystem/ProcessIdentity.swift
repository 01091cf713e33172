// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The number of this process.
package func ownProcess() -> Int32 { getpid() }

/// The user this process acts as; 0 is root.
package func effectiveUser() -> UInt32 { geteuid() }

/// Removes the directory a file was in, if nothing is left in it and it may be removed.
package func removeEmptyDirectory(above path: String) {
    guard let slash = path.lastIndex(of: "/") else { return }
    _ = unsafe rmdir(String(path[..<slash]))
}

/// Makes the directories that a file needs, each open to this process's user, and readable to all.
///
/// - Parameter path: The file, absolute.
/// - Throws: What `mkdir(2)` gave, but for a directory that is there already.
package func makeDirectories(above path: String) throws(SystemError) {
    var directory = ""
    for part in path.split(separator: "/").dropLast() {
        directory += "/\(part)"
        let result = unsafe mkdir(directory, 0o755)
        if result < 0, errno != EEXIST {
            throw SystemError(call: "make the directory", object: directory, errno: errno)
        }
    }
}

/// The process group of this process.
package func ownGroup() -> Int32 { getpgrp() }

/// The group this process acts as.
package func effectiveGroup() -> UInt32 { getegid() }
