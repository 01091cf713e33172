// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Names of users and groups, for messages to people.
///
/// Looked up where the machine keeps them, which may be across a network: for clients and start-up, never the loop.
package enum AccountNames {
    /// The name of a user, or the number when there is none.
    ///
    /// Wraps `getpwuid(3)`.
    package static func user(_ id: UInt32) -> String {
        // SAFETY: the record is the C library's own and is copied before anything else can ask for another.
        guard let entry = unsafe getpwuid(id) else { return "\(id)" }
        return unsafe String(cString: entry.pointee.pw_name)
    }

    /// The name of a group, or the number when there is none.
    ///
    /// Wraps `getgrgid(3)`.
    package static func group(_ id: UInt32) -> String {
        // SAFETY: as above.
        guard let entry = unsafe getgrgid(id) else { return "\(id)" }
        return unsafe String(cString: entry.pointee.gr_name)
    }
}

/// Who may use a file, as its owner, group and permission bits say.
package struct FileAccess: Equatable, Sendable {
    /// The owner.
    package let user: UInt32
    /// The group.
    package let group: UInt32
    /// Whether members of the group may write, which for a socket is to connect.
    package let isGroupWritable: Bool

    /// Looks at a path, nil when there is nothing or it may not be looked at.
    ///
    /// Wraps `stat(2)`.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        user = status.st_uid
        group = status.st_gid
        isGroupWritable = status.st_mode & S_IWGRP != 0
    }
}
