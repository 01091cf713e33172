// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Who connected: the kernel's word at the moment of the connect, not the peer's.
///
/// The process is held by a pidfd, so that `stillExists` can tell whether its number means it yet. Where the kernel has
/// no SO_PEERPIDFD (before Linux 6.5) the pidfd is opened by number: a peer that ended before that, and whose number
/// was given away again within the same moment, is taken for the new process.
package struct PeerCredentials: ~Copyable {
    /// The process that connected, 0 when it is outside this process's PID namespace.
    package let pid: Int32

    /// Its effective user.
    package let user: UInt32

    /// Its groups: the effective one first, then the supplementary ones.
    package let groups: [UInt32]

    /// Nil when it was gone already.
    private let pidfd: Descriptor?

    private init(pid: Int32, user: UInt32, groups: [UInt32], pidfd: consuming Descriptor?) {
        self.pid = pid
        self.user = user
        self.groups = groups
        self.pidfd = pidfd
    }

    /// Asks the kernel who is at the other end.
    ///
    /// Wraps `getsockopt(2)` SO_PEERCRED, SO_PEERGROUPS and SO_PEERPIDFD.
    ///
    /// - Parameter socket: A connection of a Unix socket that was accepted.
    /// - Throws: EMFILE and the like when the pidfd cannot be opened.
    /// - Returns: What the kernel noted at the connect.
    package static func of(_ socket: borrowing Descriptor) throws(SystemError) -> PeerCredentials {
        let number = socket.number
        // struct ucred: pid, effective user, effective group.
        var words: [UInt32] = [0, 0, 0]
        try read(number, SO_PEERCRED, into: &words)
        let pid = Int32(bitPattern: words[0])
        let groups = [words[2]] + (try supplementaryGroups(number))
        let pidfd = try openPIDFD(number, pid)
        return PeerCredentials(pid: pid, user: words[1], groups: groups, pidfd: pidfd)
    }

    /// Whether the process has not been reaped, so that its number still means it.
    package var stillExists: Bool {
        switch pidfd {
        case .some(let pidfd):
            let result = retrying { maitred_linux_pidfd_send_signal(pidfd.number, 0) }
            return result >= 0 || result == -EPERM
        case .none:
            return false
        }
    }

    private static func supplementaryGroups(_ number: CInt) throws(SystemError) -> [UInt32] {
        // NGROUPS_MAX is 65,536; nearly everybody has fewer than 64, and the kernel says how many when they do not fit.
        var groups = [UInt32](repeating: 0, count: 64)
        let count: Int
        do throws(SystemError) {
            count = try read(number, peerGroups, into: &groups)
        } catch  where error.errno == ERANGE {
            groups = [UInt32](repeating: 0, count: 65_536)
            count = try read(number, peerGroups, into: &groups)
        }
        return Array(groups.prefix(count))
    }

    private static func openPIDFD(_ number: CInt, _ pid: Int32) throws(SystemError) -> Descriptor? {
        // A process outside the namespace has no number to be held by.
        guard pid > 0 else { return nil }
        var words: [UInt32] = [0]
        do throws(SystemError) {
            try read(number, peerPIDFD, into: &words)
            return Descriptor(owning: CInt(bitPattern: words[0]))
        } catch  where error.errno == ENOPROTOOPT {
            let result = retrying { maitred_linux_pidfd_open(pid) }
            if result >= 0 { return Descriptor(owning: result) }
            guard result == -ESRCH else { throw SystemError(call: "hold", object: "process \(pid)", errno: result) }
            return nil
        } catch  where error.errno == EMFILE || error.errno == ENFILE || error.errno == ENOMEM {
            throw error
        } catch {
            // ESRCH, or EINVAL of kernels that make no pidfd of a process that has been reaped.
            return nil
        }
    }

    /// getsockopt(2) of a list of 32-bit words.
    ///
    /// - Returns: How many words the kernel filled.
    @discardableResult
    private static func read(_ number: CInt, _ option: CInt, into words: inout [UInt32]) throws(SystemError) -> Int {
        var length = socklen_t(words.count * MemoryLayout<UInt32>.size)
        try check("identify the peer of", "descriptor \(number)") {
            // SAFETY: the kernel writes at most `length` bytes, which is the array's size.
            unsafe words.withUnsafeMutableBytes {
                unsafe getsockopt(number, SOL_SOCKET, option, $0.baseAddress, &length)
            }
        }
        return Int(length) / MemoryLayout<UInt32>.size
    }

    /// SO_PEERGROUPS and SO_PEERPIDFD, which Swift does not see or the C library does not have yet.
    ///
    /// The same on every architecture that Swift runs on.
    private static let peerGroups: CInt = 59
    private static let peerPIDFD: CInt = 77
}

/// Where a process comes from.
package enum ProcessLineage: Equatable, Sendable {
    /// Its ancestors, nearest first, as far as they may be seen, and its process group.
    case known(ancestors: [Int32], group: Int32)
    /// It is in another PID namespace, or `/proc` hides it from this process.
    case hidden
    /// It is gone, its ancestors change while they are looked at, or there are more of them than are looked at.
    case unclear
}

extension ProcessLineage {
    /// Ancestors that are looked at: a shell in a multiplexer over a remote login has about ten.
    package static let mostAncestors = 64

    /// Walks twice, and a few times more if both walks differ: a parent may end in the middle of one.
    private static let walks = 4

    /// What one look at a process gives.
    package enum Look: Equatable, Sendable {
        /// Its parent, 0 when that is outside the namespace.
        case parent(Int32)
        /// It exists, but not for this process's eyes.
        case hidden
        /// There is no such process.
        case gone
    }

    /// Where the peer of a connection comes from, or `unclear` when its number does not mean it any more.
    ///
    /// Reads `/proc` at most 256 times.
    package init(of peer: borrowing PeerCredentials) {
        guard peer.pid > 0 else {
            self = .hidden
            return
        }
        let group = getpgid(peer.pid)
        let found = ProcessLineage(of: peer.pid, group: group, look: Self.look)
        // Asked last: whoever still has its number now had it during the walk.
        self = peer.stillExists ? found : .unclear
    }

    /// Walks from a process to its oldest ancestor.
    ///
    /// A process that had the same parent in two walks had it in between: a parent's number is given away again only
    /// after its end, and then the child has another parent. So two walks that agree saw no number change its meaning.
    ///
    /// - Parameters:
    ///   - pid: The process.
    ///   - group: Its process group, negative when there is no such process.
    ///   - look: Gives the parent of a process.
    package init(of pid: Int32, group: Int32, look: (Int32) -> Look) {
        var last: [Int32]?
        for _ in 0..<Self.walks {
            switch Self.walk(from: pid, look) {
            case .known(let ancestors, _) where group >= 0:
                if ancestors == last {
                    self = .known(ancestors: ancestors, group: group)
                    return
                }
                last = ancestors
            case .hidden:
                self = .hidden
                return
            case .known, .unclear:
                last = nil
            }
        }
        self = .unclear
    }

    private static func walk(from pid: Int32, _ look: (Int32) -> Look) -> ProcessLineage {
        var ancestors: [Int32] = []
        var next = pid
        while ancestors.count < mostAncestors {
            switch look(next) {
            case .parent(let parent):
                if parent > 0 { ancestors.append(parent) }
                if parent <= 1 { return .known(ancestors: ancestors, group: 0) }
                next = parent
            case .hidden:
                // With hidepid other users' processes cannot be seen: then the line ends at the last of our own.
                return ancestors.isEmpty ? .hidden : .known(ancestors: ancestors, group: 0)
            case .gone:
                return .unclear
            }
        }
        return .unclear
    }

    private static func look(_ pid: Int32) -> Look {
        if let status = ProcessFiles.status(of: pid) { return .parent(status.parent) }
        return retrying { kill(pid, 0) } == -ESRCH ? .gone : .hidden
    }
}
