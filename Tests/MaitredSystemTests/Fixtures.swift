// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

/// A process that stays until it is killed.
func sleeper(descriptors: [Int32] = [], limit: DescriptorLimit? = nil) throws -> ChildProcess {
    try ChildProcess.spawn(
        SpawnPlan(
            path: "/bin/sleep",
            arguments: ["sleep", "60"],
            environment: ["PATH=/usr/bin:/bin"],
            descriptors: descriptors,
            descriptorLimit: try limit ?? .current()
        )
    )
}

/// A shell that runs a script.
func shell(_ script: String) throws -> ChildProcess {
    try ChildProcess.spawn(
        SpawnPlan(
            path: "/bin/sh",
            arguments: ["sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin"],
            descriptors: [],
            descriptorLimit: try .current()
        )
    )
}

/// Waits until a child has ended, and takes its result.
func end(of child: borrowing ChildProcess) -> MaitredSystem.ExitStatus? {
    isReadable(child.descriptor.number, within: 10_000) ? child.reap() : nil
}

/// Whether a descriptor becomes readable within some milliseconds.
func isReadable(_ number: Int32, within milliseconds: Int32 = 0) -> Bool {
    var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) == 1 && entry.revents & Int16(POLLIN) != 0
}

/// Whether a descriptor closes at an exec.
func isCloseOnExec(_ number: Int32) -> Bool {
    fcntl(number, F_GETFD) & FD_CLOEXEC != 0
}

/// Whether a number is open.
func isOpen(_ number: Int32) -> Bool {
    fcntl(number, F_GETFD) >= 0
}

/// The error a body throws, nil when it throws none.
func systemError(_ body: () throws(SystemError) -> Void) -> SystemError? {
    do throws(SystemError) {
        try body()
        return nil
    } catch {
        return error
    }
}
