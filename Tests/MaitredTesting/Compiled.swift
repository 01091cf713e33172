// SPDX-License-Identifier: Apache-2.0

import MaitredSystem

/// Builds a C program into a directory of a test.
///
/// - Returns: The path of the program.
package func compile(
    _ source: String,
    _ flags: [String] = [],
    named name: String = "program",
    in directory: String
) throws(TestFailure) -> String {
    let path = "\(directory)/\(name)"
    try writeFile("\(path).c", source)
    let compiler = try Program("/usr/bin/cc", ["-o", path, "\(path).c"] + flags)
    guard try compiler.waitExit(within: .seconds(60)) == .exited(code: 0) else {
        throw TestFailure("cc fails:\n\(compiler.lines.joined(separator: "\n"))")
    }
    return path
}
