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
                throw StartupError("cannot run '\(command)': \(refusal.problem)", remedy: refusal.remedy)
            case .missing: continue
            case .directory: problem = .directory
            case .notExecutable: problem = .notExecutable
            }
        }
        let (words, remedy) = words(for: problem, isPath: command.contains("/"))
        throw StartupError("cannot run '\(command)': \(words)", remedy: remedy)
    }

    private static func words(for problem: Executable, isPath: Bool) -> (String, remedy: String?) {
        switch problem {
        case .directory: ("it is a directory", nil)
        case .notExecutable: ("it may not be executed", "check its permissions (chmod +x)")
        case .missing, .runnable: (isPath ? "no such file" : "not found in PATH", nil)
        }
    }
}

/// Why the master could not start.
///
/// One line for a person.
package struct StartupError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, on what, and what would be right.
    package let description: String
    /// The part of the line that says what is wrong.
    package let problem: String
    /// The part that says what would be right, if there is one.
    package let remedy: String?

    /// Makes an error of one line.
    package init(_ problem: String, remedy: String? = nil) {
        self.problem = problem
        self.remedy = remedy
        description = problem + (remedy.map { ": \($0)" } ?? "")
    }

    init(_ error: SystemError) {
        self.init(error.description)
    }
}
