// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredConfig

/// The words of the command line behind the program's name.
///
/// - Throws: `ConfigurationError` for a word that is not UTF-8: Swift would replace its bytes, and the worker's command
///   must arrive as it was written.
func commandLineWords() throws(ConfigurationError) -> [String] {
    let words = CommandLine.arguments
    // SAFETY: the kernel's argument vector, argc pointers to terminated strings; nobody writes to it.
    for index in words.indices where unsafe !isUTF8(CommandLine.unsafeArgv[index]) {
        throw ConfigurationError(origin: nil, problem: "argument \(index), \(quoted(words[index])), is not UTF-8 text")
    }
    return Array(words.dropFirst())
}

/// The variables of this process's environment that are settings.
///
/// - Throws: `ConfigurationError` for a value that is not UTF-8.
func settingsInEnvironment() throws(ConfigurationError) -> [EnvironmentVariable] {
    var variables: [EnvironmentVariable] = []
    for setting in Setting.all {
        // SAFETY: one thread and nobody calls setenv; the value is copied at once.
        guard let text = unsafe getenv(setting.variable) else { continue }
        guard let value = unsafe String(validatingCString: text) else {
            throw ConfigurationError(origin: .variable(setting.variable), problem: "the value is not UTF-8 text")
        }
        variables.append(EnvironmentVariable(name: setting.variable, value: value))
    }
    return variables
}

private func isUTF8(_ text: UnsafeMutablePointer<CChar>?) -> Bool {
    guard let text = unsafe text else { return true }
    return unsafe String(validatingCString: text) != nil
}
