// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

/// The environment that a process was started with, empty when it is gone.
func environment(of pid: Int32) -> [String: String] {
    let lines = readFile("/proc/\(pid)/environ")?.split(separator: "\0") ?? []
    return lines.reduce(into: [:]) { variables, line in
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        variables[String(parts[0])] = String(parts.dropFirst().first ?? "")
    }
}
