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

/// Whether a thread of a process sleeps in nanosleep(2), as the demo's `/block` makes its event loop do.
func isAThreadSleeping(of pid: Int32) -> Bool {
    directoryEntries("/proc/\(pid)/task").contains { thread in
        readFile("/proc/\(pid)/task/\(thread)/wchan")?.contains("nanosleep") ?? false
    }
}
