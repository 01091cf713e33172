// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredSystem

extension CommandPath {
    /// Scripts that lead to one another: the kernel follows five.
    private static let mostScripts = 5

    /// Why Linux will not run a file that may be executed, as its first bytes tell.
    ///
    /// - Parameter path: The file.
    /// - Returns: What is wrong, and what would be right; nil when nothing is known against it.
    static func refusal(of path: String) -> String? {
        var path = path
        var whose = "it"
        for _ in 0...mostScripts {
            switch ExecutableFacts.read(path)?.form {
            case nil: return nil
            case .other(let isText): return ForeignFormats.mayRun(path, isText: isText) ? nil : unknown(whose, isText)
            case .elf(let facts): return missingLoader(facts, whose)
            case .script(let interpreter, _):
                if let problem = refusal(interpreter: interpreter, whose) { return problem }
                (path, whose) = (interpreter, "its interpreter '\(visible(interpreter))'")
            }
        }
        return "its first line leads from one script to the next, more than \(mostScripts) times"
    }

    /// The same error, in words of ours where the file explains it.
    static func explained(_ error: SystemError, _ path: String) -> SystemError {
        guard error.call == "run", let reason = refusal(of: path) else { return error }
        return SystemError(call: error.call, object: error.object, errno: error.errno, reason: reason)
    }

    private static func unknown(_ whose: String, _ isText: Bool) -> String {
        isText
            ? "\(whose) is no program, and a script needs a first line that says what runs it: add a line like #!/bin/sh"
            : "\(whose) is neither a program for Linux nor a script"
    }

    private static func refusal(interpreter: String, _ whose: String) -> String? {
        let file = whose == "it" ? "the file" : whose
        let name = "the interpreter '\(visible(interpreter))' that the first line of \(file) names"
        guard !interpreter.hasSuffix("\r") else {
            return "\(name) ends with a carriage return: save the file with Unix line ends"
        }
        return switch Executable.examine(interpreter) {
        case .runnable: nil
        case .missing: "\(name) does not exist: install it, or change that line"
        case .directory: "\(name) is a directory: change that line"
        case .notExecutable: "\(name) may not be executed: check its permissions (chmod +x)"
        }
    }

    private static func missingLoader(_ facts: ELFFacts, _ whose: String) -> String? {
        guard let loader = facts.loader, facts.target == ELFFacts.own?.target else { return nil }
        guard Executable.examine(loader) == .missing else { return nil }
        return "\(whose) is built for another C library: there is no '\(visible(loader))' to load it"
    }
}
