// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where built programs are.
package enum ProgramPath {
    /// The path of an executable product of this package: it lies beside the running test.
    package static func built(_ name: String) throws(TestFailure) -> String {
        let path = "\(directory)/\(name)"
        guard access(path, X_OK) == 0 else { throw TestFailure("\(path) has not been built", errno: errno) }
        return path
    }

    private static var directory: String {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &target, target.count)
        let path = String(decoding: target[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}
