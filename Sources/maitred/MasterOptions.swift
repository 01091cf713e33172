// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredControl
import MaitredSystem

/// Which master a command is for.
struct MasterOptions: ParsableArguments {
    @Option(
        name: .customLong("name"),
        help: .init(
            "The service, where several run. (default: the only one that runs; MAITRED_NAME)",
            valueName: "NAME"
        )
    )
    var name: String?

    @Option(
        name: .customLong("control"),
        help: .init("The master's control socket itself. (default: looked for; MAITRED_CONTROL)", valueName: "PATH"),
        completion: .file()
    )
    var control: String?

    /// The socket of the master that is meant.
    func path() throws(ControlPathError) -> String {
        try ControlPath.find(
            path: control,
            name: name,
            environment: ProcessEnvironment.variables(),
            euid: geteuid(),
            namesIn: entries(of:),
            exists: { unsafe access($0, F_OK) == 0 },
            answers: answers(at:)
        )
    }

    /// A connection to that master.
    func connect() throws -> ControlConnection {
        try ControlConnection.connect(to: path())
    }
}

/// Whether a master is behind a socket, which may be none of this user's.
private func answers(at path: String) -> Bool {
    do throws(SystemError) {
        _ = try StreamSocket.connect(to: path, within: .milliseconds(100))
        return true
    } catch {
        return error.errno != ECONNREFUSED && error.errno != ENOENT
    }
}

/// The names in a directory, none when it cannot be read.
///
/// Wraps `readdir(3)`.
private func entries(of directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        // SAFETY: d_name ends with NUL, and is copied before the next call.
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}

/// Reads the worker's number of the command line.
///
/// - Throws: `ConfigurationError`, which is wrong use.
func workerNumber(_ text: String) throws(ConfigurationError) -> Int {
    do throws(InvalidValue) {
        return try wholeNumber(text, in: 1...Int(Int32.max))
    } catch {
        throw ConfigurationError(origin: .flag("WORKER"), problem: error.problem)
    }
}

extension ArgumentHelp {
    /// The help of a worker's number.
    static let worker = ArgumentHelp("The worker's number, as 'maitred status' shows it.", valueName: "worker")
    /// The help of `--wait`.
    static let wait = ArgumentHelp("Show the progress and end when it is done; the exit status says how.")
}
