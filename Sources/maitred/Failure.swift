// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredControl

/// Ends the process with one line on standard error, or with the text that was asked for on standard output.
enum Failure {
    /// Wrong use: EX_USAGE of `sysexits.h`, as ArgumentParser has it.
    static let usage: Int32 = 64
    /// Right use, but it did not work.
    static let failed: Int32 = 1
    /// No master answers: EX_UNAVAILABLE of `sysexits.h`.
    static let unavailable: Int32 = 69

    /// The longest line of ArgumentParser that is passed on; an argument in it can have any length.
    private static let lineLimit = 400

    /// Ends after wrong use that one line describes.
    static func end(misused problem: String) -> Never {
        report(problem)
        exit(usage)
    }

    /// Ends after the arguments could not be parsed, or after help or the version was asked for.
    static func end(parsing arguments: [String], _ error: any Error) -> Never {
        guard Maitred.exitCode(for: error) != .success else { Maitred.exit(withError: error) }
        report(line(from: Maitred.message(for: error), arguments: arguments))
        exit(usage)
    }

    /// Ends after the command failed.
    static func end(running error: any Error) -> Never {
        switch error {
        case let error as ConfigurationError:
            report("\(error)")
            exit(usage)
        case let error as ControlConnectionError:
            report("\(error)")
            exit(error.status)
        case let error as ControlPathError:
            report("\(error)")
            exit(error.status)
        case let error as CommandFailure:
            report("\(error)")
            exit(error.status)
        case let code as ExitCode:
            exit(code.rawValue)
        case _ where Maitred.exitCode(for: error) == .success:
            Maitred.exit(withError: error)
        default:
            report("\(error)")
            exit(failed)
        }
    }

    /// Brings a message of ArgumentParser into our form: lower case, one line, and where to read more.
    private static func line(from message: String, arguments: [String]) -> String {
        let line = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let text = visible(line.prefix(1).lowercased() + line.dropFirst(), limit: lineLimit)
        let parts = text.split(separator: ". Did you mean ", maxSplits: 1)
        if parts.count == 2 { return "\(parts[0]): did you mean \(parts[1])" }
        let words = CommandWords(arguments)
        let command = words.name
        guard ["serve", "check", "explain-worker"].contains(command) else { return "\(text): see '\(words.help)'" }
        if text.contains("unexpected argument") {
            let example = command == "explain-worker" ? command : "serve --listen :8080"
            return "\(text): put the command after '--', as in 'maitred \(example) -- ./server'"
        }
        return "\(text): see 'maitred \(command == "explain-worker" ? command : "serve") --help'"
    }

    /// Writes the line at once; if standard error is closed there is nobody left to tell.
    private static func report(_ line: String) {
        let bytes = Array("maitred: \(line)\n".utf8)
        _ = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(STDERR_FILENO, buffer.baseAddress, buffer.count)
        }
    }
}
