// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem

/// Who may use the control socket.
///
/// Two questions, both asked of the kernel and not of the peer:
/// - Is it allowed to? Root, the master's own user, and members of the control group are.
/// - Is it one of the workers? Whatever a worker runs often runs as the master's user; a server program that can be
///   tricked into running a command must not be able to stop or reload its own master. So a peer that descends from the
///   master, or is in a worker's process group, is refused, whoever it is.
struct ControlAccess: Sendable {
    /// The master's effective user.
    let user: UInt32
    /// The group whose members may, nil for none.
    let group: UInt32?
    /// The master's process id.
    let master: Int32

    /// The rule of this process: its own user and number.
    ///
    /// - Parameter group: The group whose members may, nil for none.
    /// - Returns: Who may use this master's socket.
    static func ofThisProcess(group: UInt32?) -> ControlAccess {
        ControlAccess(user: effectiveUser(), group: group, master: ownProcess())
    }

    /// Decides about a peer.
    ///
    /// A peer whose origin is hidden (another PID namespace, for which the kernel gives the pid 0, or a `/proc` mounted
    /// with hidepid) is believed only if it is root: a descendant of the master is never in a namespace that the master
    /// cannot see, and from root nothing is hidden that could be one. Everybody else has to be seen.
    ///
    /// - Parameters:
    ///   - peerUser: The peer's effective user.
    ///   - peerGroups: Its effective and supplementary groups.
    ///   - peer: Its process id, 0 when it has none here.
    ///   - lineage: Looks where it comes from; asked only if everything else is well.
    ///   - workerGroups: The workers' process groups.
    /// - Returns: Why it is refused, nil when it is not.
    func refusal(
        user peerUser: UInt32,
        groups peerGroups: [UInt32],
        pid peer: Int32,
        lineage: () -> ProcessLineage,
        workerGroups: Set<Int32>
    ) -> ControlRefusal? {
        guard peerUser == 0 || peerUser == user || group.map(peerGroups.contains) == true else { return .stranger }
        // A program that embeds the master may use its own socket.
        if peer == master { return nil }
        switch lineage() {
        case .known(let ancestors, let processGroup):
            return ancestors.contains(master) || workerGroups.contains(processGroup) ? .worker : nil
        case .hidden:
            return peerUser == 0 ? nil : .hidden
        case .unclear:
            return .unclear
        }
    }
}

/// Why a client is not let in.
enum ControlRefusal: Equatable, Sendable {
    /// Its user and groups are not allowed to.
    case stranger
    /// It is a worker, or was started by one.
    case worker
    /// Where it comes from cannot be seen, and it is not root.
    case hidden
    /// It was gone, or its ancestors were, before they could be looked at.
    case unclear
    /// As many clients as there may be are connected.
    case full

    /// In words that never depend on what a client sent.
    var words: String {
        switch self {
        case .stranger: "this user may not control maitred"
        case .worker: "a worker may not control its own maitred"
        case .hidden: "maitred cannot see which process this is; only root may do so unseen"
        case .unclear: "maitred could not find out which process this is; try again"
        case .full: "too many clients are connected to maitred; try again"
        }
    }
}
