// SPDX-License-Identifier: Apache-2.0

/// What the file of a program says of whether the preload library can be loaded into it, and would be asked.
package struct ProgramTraits: Equatable, Sendable {
    /// What loads it.
    package enum Linkage: Equatable, Sendable {
        /// The loader of the GNU C library, which loads what LD_PRELOAD names.
        case gnu
        /// The loader of another C library, for which ours is not built.
        case otherLibrary(loader: String)
        /// Nothing: everything is in the file.
        case none
        /// Whatever runs programs of other machines here.
        case otherMachine
    }

    /// What loads it.
    package var linkage: Linkage
    /// Whether it gets a user, a group or privileges by its file: then the loader ignores LD_PRELOAD.
    package var gainsPrivileges: Bool
    /// Whether it makes its system calls without the C library, as Go does.
    package var makesOwnCalls: Bool

    /// Groups the three.
    package init(linkage: Linkage, gainsPrivileges: Bool = false, makesOwnCalls: Bool = false) {
        self.linkage = linkage
        self.gainsPrivileges = gainsPrivileges
        self.makesOwnCalls = makesOwnCalls
    }

    /// Why the preload library cannot feed it; nil when nothing of that is in sight.
    package var obstacle: ProgramObstacle? {
        switch linkage {
        case .otherMachine: .otherMachine
        case .none: .staticallyLinked
        case .otherLibrary(let loader): .otherLibrary(loader: loader)
        case .gnu where gainsPrivileges: .gainsPrivileges
        case .gnu where makesOwnCalls: .makesOwnCalls
        case .gnu: nil
        }
    }

    /// What a loader's path says: the GNU C library's are called `ld-linux…`, or `ld64.so…` on two machines.
    package static func linkage(loader: String?) -> Linkage {
        guard let loader else { return .none }
        let name = loader.split(separator: "/").last ?? ""
        let isGNU = name.hasPrefix("ld-linux") || name.hasPrefix("ld64.so")
        return isGNU ? .gnu : .otherLibrary(loader: String(name))
    }
}

/// Why the preload library cannot feed a program, as its file tells.
package enum ProgramObstacle: Equatable, Sendable {
    /// No loader, no library.
    case staticallyLinked
    /// Another C library than ours.
    case otherLibrary(loader: String)
    /// Another machine.
    case otherMachine
    /// setuid, setgid, or capabilities of the file.
    case gainsPrivileges
    /// Nobody asks the C library.
    case makesOwnCalls

    /// For programs that read it.
    package var name: String {
        switch self {
        case .staticallyLinked: "static"
        case .otherLibrary: "other-libc"
        case .otherMachine: "other-machine"
        case .gainsPrivileges: "privileged"
        case .makesOwnCalls: "own-calls"
        }
    }

    /// What follows the program's name in a sentence.
    package var words: String {
        switch self {
        case .staticallyLinked: "is statically linked"
        case .otherLibrary(let loader): "is linked with another C library (\(loader))"
        case .otherMachine: "is built for another machine"
        case .gainsPrivileges: "gets privileges by its file (setuid, setgid or capabilities)"
        case .makesOwnCalls: "makes its system calls by itself, as Go programs do"
        }
    }
}
