// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem

/// The library that makes a program a worker without its knowing, and how a program gets it.
///
/// See `ld.so(8)`, LD_PRELOAD, and `Sources/CMaitredPreload`.
enum PreloadLibrary {
    /// Its file name.
    static let name = "libmaitred_preload.so"

    /// Where it is, nil when it is not installed: beside the program (a build), or in `../lib/maitred` from there.
    static var path: String? {
        guard let own = try? ProcessFiles.executable(), let end = own.lastIndex(of: "/") else { return nil }
        let directory = own[..<end]
        return ["\(directory)/\(name)", "\(directory)/../lib/maitred/\(name)"].first {
            Executable.isFile($0)
        }
    }

    /// Puts it before whatever else is to be loaded.
    ///
    /// - Parameters:
    ///   - path: The library.
    ///   - environment: "NAME=VALUE" of each variable.
    /// - Returns: The variables by name, with the one that the library takes itself out again by.
    static func added(_ path: String, to environment: [String]) -> [String] {
        let prefix = "LD_PRELOAD="
        let others = environment.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
        let list = others.isEmpty ? path : "\(path):\(others)"
        return (environment.filter { !$0.hasPrefix(prefix) } + ["\(prefix)\(list)", "MAITRED_PRELOAD=\(path)"]).sorted()
    }
}
