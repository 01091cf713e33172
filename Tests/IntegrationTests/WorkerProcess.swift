// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

/// The environment that a process was started with; empty when it is gone.
///
/// Waits for the exec to finish: until then the kernel shows an empty one.
func environment(of pid: Int32) -> [String: String] {
    var lines: [Substring] = []
    _ = eventually(within: .seconds(5)) {
        lines = readFile("/proc/\(pid)/environ")?.split(separator: "\0") ?? []
        return !lines.isEmpty || !isAlive(pid)
    }
    return lines.reduce(into: [:]) { variables, line in
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        variables[String(parts[0])] = String(parts.dropFirst().first ?? "")
    }
}
