// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where built programs are.
///
/// Tests run unoptimised programs from beside the test runner, unless `MAITRED_TEST_PROGRAMS` names a directory with
/// release builds: that is searched first.
package enum ProgramPath {
    /// The path of an executable product of this package.
    package static func built(_ name: String) throws(TestFailure) -> String {
        for directory in [releaseDirectory, directory].compactMap({ $0 }) {
            let path = "\(directory)/\(name)"
            if access(path, X_OK) == 0 { return path }
        }
        throw TestFailure("\(directory)/\(name) has not been built", errno: ENOENT)
    }

    /// Whether the programs under test are release builds, of which memory budgets speak.
    package static var areReleaseBuilds: Bool { releaseDirectory != nil }

    private static var releaseDirectory: String? {
        getenv("MAITRED_TEST_PROGRAMS").map { String(cString: $0) }
    }

    private static var directory: String {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &target, target.count)
        let path = String(decoding: target[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}
