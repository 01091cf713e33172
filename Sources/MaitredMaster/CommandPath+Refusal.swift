// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredSystem

extension CommandPath {
    /// Scripts that lead to one another: the kernel follows five.
    private static let mostScripts = 5

    /// Why Linux will not run a file that may be executed, as its first bytes tell.
    ///
    /// - Parameter path: The file.
    /// - Returns: Nil when nothing is known against it.
    static func refusal(of path: String) -> Refusal? {
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
        return Refusal("its first line leads from one script to the next, more than \(mostScripts) times")
    }

    /// The same error, in words of ours where the file explains it.
    static func explained(_ error: SystemError, _ path: String) -> SystemError {
        guard error.call == "run", let refusal = refusal(of: path) else { return error }
        let reason = refusal.problem + (refusal.remedy.map { ": \($0)" } ?? "")
        return SystemError(call: error.call, object: error.object, errno: error.errno, reason: reason)
    }

    private static func unknown(_ whose: String, _ isText: Bool) -> Refusal {
        guard isText else { return Refusal("\(whose) is neither a program for Linux nor a script") }
        return Refusal(
            "\(whose) is no program, and a script needs a first line that says what runs it",
            "add a line like #!/bin/sh"
        )
    }

    private static func refusal(interpreter: String, _ whose: String) -> Refusal? {
        let file = whose == "it" ? "the file" : whose
        let name = "the interpreter '\(visible(interpreter))' that the first line of \(file) names"
        guard !interpreter.hasSuffix("\r") else {
            return Refusal("\(name) ends with a carriage return", "save the file with Unix line ends")
        }
        return switch Executable.examine(interpreter) {
        case .runnable: nil
        case .missing: Refusal("\(name) does not exist", "install it, or change that line")
        case .directory: Refusal("\(name) is a directory", "change that line")
        case .notExecutable: Refusal("\(name) may not be executed", "check its permissions (chmod +x)")
        }
    }

    private static func missingLoader(_ facts: ELFFacts, _ whose: String) -> Refusal? {
        guard let loader = facts.loader, facts.target == ELFFacts.own?.target else { return nil }
        guard Executable.examine(loader) == .missing else { return nil }
        return Refusal("\(whose) is built for another C library: there is no '\(visible(loader))' to load it")
    }
}

/// Why a file cannot be run.
struct Refusal: Equatable {
    /// What is wrong.
    let problem: String
    /// What would be right, where a few words can say it.
    let remedy: String?

    /// Groups the two.
    init(_ problem: String, _ remedy: String? = nil) {
        self.problem = problem
        self.remedy = remedy
    }
}
