// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem

/// Finds the file that a command names, as a shell would, and says plainly when it cannot be run.
package enum CommandPath {
    /// - Parameters:
    ///   - command: A path, or a name to be looked up.
    ///   - searchPath: The value of PATH.
    /// - Throws: `StartupError` saying what is wrong with the command.
    /// - Returns: The file, with its directory.
    package static func resolve(_ command: String, searchPath: String?) throws(StartupError) -> String {
        let candidates: [String]
        if command.contains("/") || command.isEmpty {
            candidates = [command]
        } else {
            let directories = (searchPath ?? "/usr/local/bin:/usr/bin:/bin").split(
                separator: ":",
                omittingEmptySubsequences: false
            )
            candidates = directories.map { ($0.isEmpty ? "." : String($0)) + "/" + command }
        }
        var problem = Executable.missing
        for candidate in candidates {
            switch Executable.examine(candidate) {
            case .runnable:
                guard let refusal = refusal(of: candidate) else { return candidate }
                throw StartupError("cannot run '\(command)': \(refusal)")
            case .missing: continue
            case .directory: problem = .directory
            case .notExecutable: problem = .notExecutable
            }
        }
        throw StartupError("cannot run '\(command)': \(words(for: problem, isPath: command.contains("/")))")
    }

    private static func words(for problem: Executable, isPath: Bool) -> String {
        switch problem {
        case .directory: "it is a directory"
        case .notExecutable: "it may not be executed: check its permissions (chmod +x)"
        case .missing, .runnable: isPath ? "no such file" : "not found in PATH"
        }
    }
}

/// Why the master could not start.
///
/// One line for a person.
package struct StartupError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, on what, and what would be right.
    package let description: String

    /// Makes an error of one line.
    package init(_ description: String) {
        self.description = description
    }

    init(_ error: SystemError) {
        description = error.description
    }
}
