// SPDX-License-Identifier: Apache-2.0

package import MaitredConfig
package import MaitredSupervise
internal import MaitredSystem

/// The program that a command will be in the end: behind `#!` lines, and behind env(1).
///
/// Reads a few kilobytes of at most eight files, at a start and a reload.
package struct WorkerProgram: Equatable, Sendable {
    /// Its file.
    package let path: String
    /// What keeps the preload library out of it.
    package let obstacle: ProgramObstacle?
    /// Whether it is started without the variables of a worker.
    package let clearsEnvironment: Bool

    /// Files that are followed: the kernel follows five scripts.
    private static let mostFiles = 8

    /// Programs that run other programs, whose own way of being linked says nothing of those.
    private static let runners: Set<String> = ["sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"]

    /// Follows a command.
    ///
    /// - Parameters:
    ///   - command: The words of the command.
    ///   - searchPath: PATH of the workers.
    ///   - owner: Whom workers run as.
    /// - Returns: Nil when a file on the way cannot be read, or is none that Linux runs by itself.
    package static func find(_ command: [String], searchPath: String?, owner: WorkerOwner) -> WorkerProgram? {
        var words = command
        var searchPath = searchPath
        var clearsEnvironment = false
        guard var path = try? CommandPath.resolve(words.first ?? "", searchPath: searchPath) else { return nil }
        for _ in 0..<mostFiles {
            guard let facts = ExecutableFacts.read(path) else { return nil }
            switch facts.form {
            case .other: return nil
            case .script(let interpreter, let argument):
                words = [interpreter] + [argument, path].compactMap(\.self) + words.dropFirst()
                path = interpreter
            case .elf(let elf):
                let name = path.split(separator: "/").last.map(String.init) ?? ""
                guard name == "env", let next = EnvCommand(words) else {
                    let isRunner = runners.contains(name) || name.hasPrefix("ld-linux")
                    let traits = ProgramTraits(facts, elf, owner)
                    return WorkerProgram(
                        path: path,
                        obstacle: isRunner ? nil : traits.obstacle,
                        clearsEnvironment: clearsEnvironment
                    )
                }
                words = next.words
                searchPath = next.searchPath ?? searchPath
                clearsEnvironment = clearsEnvironment || next.clears
                guard let found = try? CommandPath.resolve(words[0], searchPath: searchPath) else { return nil }
                path = found
            }
        }
        return nil
    }

    /// Follows the command of a configuration.
    ///
    /// - Parameters:
    ///   - configuration: What is wanted.
    ///   - environment: The master's variables.
    /// - Returns: As `find`; nil also when its user does not exist.
    package static func find(_ configuration: Configuration, environment: [String: String]) -> WorkerProgram? {
        let path = configuration.workerEnvironment.last { $0.name == "PATH" }?.value ?? environment["PATH"]
        guard let owner = WorkerOwner(configuration) else { return nil }
        return find(configuration.command, searchPath: path, owner: owner)
    }

    /// Whether it would not even start with the preload library: loaders of other C libraries give up where something is
    /// missing in theirs, while the GNU one goes on without what it cannot load.
    package var isHarmedByLibrary: Bool {
        if case .otherLibrary? = obstacle { true } else { false }
    }

    /// Why it will hardly be a worker, as a sentence; nil when nothing is known against it.
    package var warning: String? {
        if let obstacle { return "worker program \(path) \(obstacle.words): it is no worker unless it uses an SDK" }
        guard clearsEnvironment else { return nil }
        return "worker program \(path) is started with an empty environment: it is no worker without LD_PRELOAD and "
            + "the variables that begin with MAITRED_"
    }
}

/// Whom workers run as.
package struct WorkerOwner: Equatable, Sendable {
    /// The user.
    package let user: UInt32
    /// Its first group.
    package let group: UInt32

    /// Groups the two.
    init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }

    /// An account, or this process's own user.
    init(_ account: UserAccount?) {
        self.init(user: account?.id ?? effectiveUser(), group: account?.group ?? effectiveGroup())
    }

    /// Whom a configuration asks for; nil when there is no such user.
    package init?(_ configuration: Configuration) {
        guard let name = configuration.workerUser else {
            self.init(nil)
            return
        }
        guard let account = try? UserAccount.named(name) else { return nil }
        self.init(account)
    }
}

extension ProgramTraits {
    /// What a file says, for who is started as this user.
    init(_ facts: ExecutableFacts, _ elf: ELFFacts, _ owner: WorkerOwner) {
        let isForeign = ELFFacts.own.map { $0.target != elf.target } ?? false
        // Of root the kernel says of no file but one of another user or group that it gains anything.
        let changesUser = facts.setUser.map { $0 != owner.user } ?? false
        let changesGroup = facts.setGroup.map { $0 != owner.group } ?? false
        self.init(
            linkage: isForeign ? .otherMachine : Self.linkage(loader: elf.loader),
            gainsPrivileges: changesUser || changesGroup || (facts.hasCapabilities && owner.user != 0),
            makesOwnCalls: elf.isGo
        )
    }
}
