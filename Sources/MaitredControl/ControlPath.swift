// SPDX-License-Identifier: Apache-2.0

/// Where control sockets are: a master and its clients find each other without being told.
///
/// A socket is `maitred/NAME/control.sock` below a directory for running programs. It has a directory of its own because
/// systemd makes exactly that one for `maitred@NAME`, and because `/run/maitred/NAME.sock` is where clients of the
/// service itself connect, who must not be mistaken for it. Pure: what is on the disk is passed in.
package enum ControlPath {
    /// The name of every control socket in its directory.
    package static let fileName = "control.sock"

    /// Where a master binds unless it is told a path.
    ///
    /// - Parameters:
    ///   - environment: The variables it was started with.
    ///   - euid: Its effective user; 0 is root.
    ///   - name: The service's name.
    /// - Returns: In systemd's `RUNTIME_DIRECTORY`, as root in `/run`, else in `XDG_RUNTIME_DIR`; nil when there is none
    ///   of them, or when the name is no name of a directory.
    package static func binding(environment: [String: String], euid: UInt32, name: String) -> String? {
        if let directory = runtimeDirectory(environment) { return "\(directory)/\(fileName)" }
        guard isDirectoryName(name) else { return nil }
        if euid == 0 { return "\(system)/\(name)/\(fileName)" }
        return user(environment).map { "\($0)/\(name)/\(fileName)" }
    }

    /// Where a client looks for the master of a name, the likeliest first.
    ///
    /// - Parameters:
    ///   - environment: The client's variables.
    ///   - euid: The client's effective user.
    ///   - name: The service's name.
    /// - Returns: Paths that may exist; none when the name is no name of a directory.
    package static func candidates(environment: [String: String], euid: UInt32, name: String) -> [String] {
        guard isDirectoryName(name) else { return [] }
        return directories(environment: environment, euid: euid).map { "\($0)/\(name)/\(fileName)" }
    }

    /// The directories in which each entry may be a service's: root's own first for root, the user's own for others.
    package static func directories(environment: [String: String], euid: UInt32) -> [String] {
        let user = user(environment).map { [$0] } ?? []
        return euid == 0 ? [system] + user : user + [system]
    }

    /// Finds the master that a client means.
    ///
    /// - Parameters:
    ///   - path: What `--control` says, nil without it.
    ///   - name: What `--name` says, nil without it.
    ///   - environment: The client's variables; `MAITRED_CONTROL` and `MAITRED_NAME` stand in for the options, a path
    ///     only where no name is given.
    ///   - euid: The client's effective user.
    ///   - namesIn: The entries of a directory, none when it cannot be read.
    ///   - exists: Whether something is at a path.
    ///   - answers: Whether a master is behind a socket; asked only where there are several, because a master that was
    ///     killed leaves its socket behind.
    /// - Returns: The path to connect to.
    /// - Throws: `ControlPathError`, when there is none or more than one.
    package static func find(
        path: String?,
        name: String?,
        environment: [String: String],
        euid: UInt32,
        namesIn: (String) -> [String],
        exists: (String) -> Bool,
        answers: (String) -> Bool
    ) throws(ControlPathError) -> String {
        if let path, !isWord(path) { return path }
        if name == nil, let path = environment["MAITRED_CONTROL"], !isWord(path) { return path }
        if let name = name ?? environment["MAITRED_NAME"], !name.isEmpty {
            let candidates = candidates(environment: environment, euid: euid, name: name)
            guard let found = candidates.first(where: exists) else { throw .missing(name: name, looked: candidates) }
            return found
        }
        // A command that systemd runs for the service, as in ExecReload=.
        if let directory = runtimeDirectory(environment), exists("\(directory)/\(fileName)") {
            return "\(directory)/\(fileName)"
        }
        return try only(
            directories(environment: environment, euid: euid),
            namesIn: namesIn,
            exists: exists,
            answers: answers
        )
    }

    private static func only(
        _ directories: [String],
        namesIn: (String) -> [String],
        exists: (String) -> Bool,
        answers: (String) -> Bool
    ) throws(ControlPathError) -> String {
        var found: [(name: String, path: String)] = []
        for directory in directories {
            for name in namesIn(directory).sorted() where exists("\(directory)/\(name)/\(fileName)") {
                found.append((name, "\(directory)/\(name)/\(fileName)"))
            }
        }
        if found.count > 1 { found.removeAll { !answers($0.path) } }
        guard let first = found.first else {
            throw .missing(name: nil, looked: directories.map { "\($0)/*/\(fileName)" })
        }
        guard found.count == 1 else {
            // A name that is in both directories cannot tell them apart.
            let byName = Set(found.map(\.name)).count == found.count
            throw .several(byName ? found.map(\.name).sorted() : found.map(\.path), byName: byName)
        }
        return first.path
    }

    private static let system = "/run/maitred"

    private static func user(_ environment: [String: String]) -> String? {
        guard let directory = environment["XDG_RUNTIME_DIR"], directory.hasPrefix("/") else { return nil }
        return "\(directory)/maitred"
    }

    /// The first of systemd's directories; several are joined by colons.
    private static func runtimeDirectory(_ environment: [String: String]) -> Substring? {
        let directory = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first
        return directory?.hasPrefix("/") == true ? directory : nil
    }

    /// Whether it is no path but what a master is told instead of one; the variable may be there for both.
    private static func isWord(_ path: String) -> Bool { ["", "auto", "none"].contains(path) }

    private static func isDirectoryName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}

/// Why a client does not know which master is meant.
package enum ControlPathError: Error, Equatable, CustomStringConvertible {
    /// There is none where one would be.
    case missing(name: String?, looked: [String])
    /// There are several: their names, or their paths where a name does not tell them apart.
    case several([String], byName: Bool)

    package var description: String {
        switch self {
        case .missing(let name, let looked):
            let who = name.map { "no master named '\($0)' is running" } ?? "no master is running"
            guard !looked.isEmpty else { return "\(who): a name has no '/' in it" }
            return "\(who): nothing at \(looked.joined(separator: " or ")); --control PATH names another place"
        case .several(let which, byName: true):
            return "several masters are running: \(which.joined(separator: ", ")); which one? Give --name NAME"
        case .several(let which, byName: false):
            return "several masters are running: \(which.joined(separator: ", ")); which one? Give --control PATH"
        }
    }
}
