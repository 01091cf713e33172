// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// How a process ended.
package enum ExitStatus: Equatable, Sendable, CustomStringConvertible {
    /// It called exit with this code, 0 ... 255.
    case exited(code: CInt)
    /// This signal ended it.
    case signaled(signal: CInt)
    /// Nobody can tell: it was not our child.
    case unknown

    /// "exit code 1", "signal 9 (SIGKILL)".
    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signaled(let signal): "signal \(signal)\(Signal.name(of: signal).map { " (\($0))" } ?? "")"
        case .unknown: "unknown status"
        }
    }
}

/// What a new process is made of.
package struct SpawnPlan {
    /// File to execute, with its directory.
    package var path: String
    /// Arguments, the program's own name first.
    package var arguments: [String]
    /// "NAME=VALUE" lines.
    package var environment: [String]
    /// Numbers of the descriptors it gets, as 3, 4, 5 and so on; at most 64.
    package var descriptors: [CInt]
    /// RLIMIT_NOFILE of the new process.
    package var descriptorLimit: DescriptorLimit
    /// Number of its standard output; nil for this process's own.
    package var standardOutput: CInt?
    /// Number of its standard error; nil for this process's own.
    package var standardError: CInt?
    /// Whom it runs as, without any privilege of this process; nil for this process's own user and privileges.
    ///
    /// For a process that was started as root.
    package var user: UserAccount?

    /// Puts a plan together.
    package init(
        path: String,
        arguments: [String],
        environment: [String],
        descriptors: [CInt],
        descriptorLimit: DescriptorLimit,
        standardOutput: CInt? = nil,
        standardError: CInt? = nil,
        user: UserAccount? = nil
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
        self.descriptorLimit = descriptorLimit
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.user = user
    }

    /// Its numbers, as the C function wants them.
    fileprivate var numbers: maitred_linux_child {
        maitred_linux_child(
            standard_output: standardOutput ?? -1,
            standard_error: standardError ?? -1,
            source_count: descriptors.count,
            descriptor_limit: rlimit(
                rlim_cur: rlim_t(descriptorLimit.soft),
                rlim_max: rlim_t(descriptorLimit.hard)
            ),
            changes_user: user == nil ? 0 : 1,
            user: user?.id ?? 0,
            group: user?.group ?? 0,
            group_count: user?.groups.count ?? 0
        )
    }

    /// What an operator reads when a step of the start failed.
    fileprivate func error(_ step: maitred_linux_spawn_step, _ errno: CInt) -> SystemError {
        let asUser = user.map { " as user '\($0.name)'" } ?? ""
        let change = "to user '\(user?.name ?? "")' for \(path)"
        switch step {
        case MAITRED_LINUX_SPAWN_DESCRIPTORS:
            return SystemError(call: "set up descriptors for", object: path, errno: errno)
        case MAITRED_LINUX_SPAWN_PROCESS:
            return SystemError(call: "create a process for", object: path, errno: errno)
        case MAITRED_LINUX_SPAWN_LIMIT:
            return SystemError(call: "set RLIMIT_NOFILE for", object: path, errno: errno)
        case MAITRED_LINUX_SPAWN_USER:
            return SystemError(call: "change", object: change, errno: errno)
        case MAITRED_LINUX_SPAWN_PRIVILEGE:
            return SystemError(call: "change", object: change, errno: errno, reason: "it could change back")
        case MAITRED_LINUX_SPAWN_TIME:
            let reason = "the file could not be executed in time"
            return SystemError(call: "run", object: path + asUser, errno: errno, reason: reason)
        default:
            return SystemError(call: "run", object: path + asUser, errno: errno)
        }
    }
}

/// RLIMIT_NOFILE: how many descriptors a process may have.
///
/// See `getrlimit(2)`.
package struct DescriptorLimit: Equatable, Sendable {
    /// What is enforced.
    package var soft: UInt64
    /// How far an unprivileged process may raise it.
    package var hard: UInt64

    /// Names a limit.
    package init(soft: UInt64, hard: UInt64) {
        self.soft = soft
        self.hard = hard
    }

    /// This process's own limit.
    package static func current() throws(SystemError) -> DescriptorLimit {
        var limit = rlimit()
        try check("read RLIMIT_NOFILE") { unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        return DescriptorLimit(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
    }

    /// Raises this process's soft limit to the hard one.
    package func raiseToHard() throws(SystemError) {
        var limit = rlimit(rlim_cur: rlim_t(hard), rlim_max: rlim_t(hard))
        try check("raise RLIMIT_NOFILE", "to \(hard)") {
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
    }
}

/// A process of which we hold the pidfd, so that its number can never mean another process.
///
/// See `pidfd_open(2)`.
package struct ChildProcess: ~Copyable {
    /// Process id, and its process group's.
    package let pid: Int32

    /// Readable once the process has ended.
    package let descriptor: Descriptor

    /// Starts a process in a group of its own, with exactly the planned descriptors.
    ///
    /// Returns once the program runs. Wraps `clone(2)` and `execve(2)`; see docs/decisions/007.
    package static func spawn(_ plan: SpawnPlan) throws(SystemError) -> ChildProcess {
        let arguments = CStrings(plan.arguments)
        let environment = CStrings(plan.environment)
        var numbers = plan.numbers
        var step = MAITRED_LINUX_SPAWN_EXECUTE
        var pid: Int32 = 0
        let pidfd = retrying {
            // SAFETY: the arrays are kept until the call has returned, end with NULL, and the counts match.
            withExtendedLifetime((arguments, environment)) {
                unsafe maitred_linux_spawn(
                    &numbers,
                    plan.path,
                    arguments.pointers,
                    environment.pointers,
                    plan.descriptors,
                    plan.user?.groups ?? [],
                    &pid,
                    &step
                )
            }
        }
        guard pidfd >= 0 else { throw plan.error(step, -pidfd) }
        return ChildProcess(pid: pid, descriptor: Descriptor(owning: pidfd))
    }

    /// Sends a signal to the process itself; nothing happens when it has ended.
    package func signal(_ signal: CInt) {
        _ = maitred_linux_pidfd_send_signal(descriptor.number, signal)
    }

    /// How it ended, nil while it runs.
    ///
    /// Takes the result from the kernel: asks once only.
    package func reap() -> ExitStatus? {
        switch Zombie.take(descriptor.number) {
        case .process(let zombie): zombie.status
        case .none: nil
        case .noChild: .unknown
        }
    }
}

/// A child that has ended, as the kernel reports it.
package struct Zombie: Sendable {
    /// Its process id, free for reuse from now on.
    package let pid: Int32
    /// How it ended.
    package let status: ExitStatus

    /// Takes the result of any child, processes that descendants left to us included; nil when there is none.
    package static func next() -> Zombie? {
        if case .process(let zombie) = take(-1) { zombie } else { nil }
    }

    fileprivate enum Taken {
        case process(Zombie)
        case none
        case noChild
    }

    fileprivate static func take(_ pidfd: CInt) -> Taken {
        var pid: Int32 = 0
        var code: CInt = 0
        var signal: CInt = 0
        let result = retrying { unsafe maitred_linux_reap(pidfd, &pid, &code, &signal) }
        if result < 0 { return .noChild }
        if result == 0 { return .none }
        return .process(Zombie(pid: pid, status: signal == 0 ? .exited(code: code) : .signaled(signal: signal)))
    }
}

/// The members of a worker's process group after, or beside, its leader.
package struct ProcessGroup: Sendable {
    /// The group's number: the leader's pid.
    package let id: Int32

    /// Names a group.
    package init(id: Int32) {
        self.id = id
    }

    /// Whether a process of the group is our child or was left to us.
    ///
    /// While true, the number is not reused.
    package var exists: Bool { maitred_linux_group_exists(id) == 1 }

    /// Signals every member, if there is one.
    package func signal(_ signal: CInt) {
        if exists { _ = killpg(id, signal) }
    }
}

/// Makes this process inherit its descendants' orphans.
///
/// Wraps `prctl(2)` PR_SET_CHILD_SUBREAPER.
package func becomeSubreaper() throws(SystemError) {
    try check("become a child subreaper") { maitred_linux_become_subreaper() }
}

/// A NULL-terminated array of C strings that lives as long as the object.
@safe
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        unsafe pointers = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() {
            unsafe (pointers + index).initialize(to: strdup(string))
        }
        unsafe (pointers + count).initialize(to: nil)
    }

    deinit {
        // SAFETY: each string came from strdup, the array from allocate.
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}
