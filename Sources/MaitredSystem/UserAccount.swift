// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A user of the system: whom a worker runs as.
///
/// See `passwd(5)` and `group(5)`.
package struct UserAccount: Equatable, Sendable {
    /// Login name.
    package let name: String
    /// User id.
    package let id: UInt32
    /// Id of the primary group.
    package let group: UInt32
    /// Ids of all groups, the primary one included.
    package let groups: [UInt32]
    /// Home directory, which need not exist.
    package let home: String

    /// Puts an account together.
    package init(name: String, id: UInt32, group: UInt32, groups: [UInt32], home: String) {
        self.name = name
        self.id = id
        self.group = group
        self.groups = groups
        self.home = home
    }

    /// Looks a user up, where the system is configured to: files, a directory service, anything that takes time.
    ///
    /// Not for a loop that must not wait. Wraps `getpwnam_r(3)` and `getgrouplist(3)`.
    package static func named(_ name: String) throws(AccountError) -> UserAccount {
        let found = unsafe try lookUp(name, passwd(), getpwnam_r) { entry in
            unsafe (id: entry.pw_uid, group: entry.pw_gid, home: String(cString: entry.pw_dir))
        }
        guard let found else { throw .noSuchUser(name) }
        let groups = groupList(of: name, primary: found.group)
        return UserAccount(name: name, id: found.id, group: found.group, groups: groups, home: found.home)
    }

    private static func groupList(of name: String, primary: UInt32) -> [UInt32] {
        var capacity: CInt = 64
        while true {
            var count = capacity
            let groups = unsafe [UInt32](unsafeUninitializedCapacity: Int(capacity)) { buffer, initialized in
                // SAFETY: at most `count` ids are written, as many as there is room for.
                let isComplete = unsafe getgrouplist(name, primary, buffer.baseAddress, &count) >= 0
                initialized = isComplete ? Int(count) : 0
            }
            // There is at least the primary one.
            if !groups.isEmpty { return groups }
            capacity = max(count, capacity * 2)
        }
    }
}

/// A group of users: who may speak to a socket, for one.
///
/// See `group(5)`.
package enum UserGroup {
    /// Looks a group's id up; takes as long as a user's.
    ///
    /// Wraps `getgrnam_r(3)`.
    package static func id(named name: String) throws(AccountError) -> UInt32 {
        let found = unsafe try lookUp(name, group(), getgrnam_r) { unsafe $0.gr_gid }
        guard let found else { throw .noSuchGroup(name) }
        return found
    }
}

/// Why a name stands for nobody.
package enum AccountError: Error, Equatable, CustomStringConvertible {
    /// No user has this name.
    case noSuchUser(String)
    /// No group has this name.
    case noSuchGroup(String)
    /// The system could not tell.
    case failed(SystemError)

    /// "no such user 'x'".
    package var description: String {
        switch self {
        case .noSuchUser(let name): "no such user '\(name)'"
        case .noSuchGroup(let name): "no such group '\(name)'"
        case .failed(let error): error.description
        }
    }
}

/// `getpwnam_r(3)` or `getgrnam_r(3)`: name, entry, room for its strings, size of the room, result.
private typealias Lookup<Entry> = (
    UnsafePointer<CChar>, UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int,
    UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>
) -> CInt

/// Asks with ever more room for the entry's strings; nil when there is no such name.
private func lookUp<Entry, Result>(
    _ name: String,
    _ empty: Entry,
    _ ask: Lookup<Entry>,
    _ read: (Entry) -> Result
) throws(AccountError) -> Result? {
    // A C string would end there, and be another name.
    guard !name.utf8.contains(0) else { return nil }
    var capacity = 1024
    while true {
        var entry = empty
        var found: UnsafeMutablePointer<Entry>?
        var result: Result?
        // SAFETY: the entry's strings are in the buffer and are read before it goes.
        let error = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
            guard let room = buffer.baseAddress else { return ENOMEM }
            let error = unsafe ask(name, &entry, room, capacity, &found)
            if unsafe found != nil { result = read(entry) }
            return error
        }
        switch error {
        case 0, ENOENT, ESRCH: return result
        case EINTR: continue
        case ERANGE: capacity *= 4
        default: throw .failed(SystemError(call: "look up", object: "'\(name)'", errno: error))
        }
    }
}
