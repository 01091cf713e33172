// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem

/// Open descriptors of this process. Exact only where nothing else runs: in an exit test.
///
/// Event and timer descriptors are not counted: the test runner's own threads open and close some when they like.
package func openDescriptorCount() -> Int {
    waitForRuntime()
    // The listing's own descriptor is closed by the time it is looked at.
    let names = openDescriptors(of: getpid()).values
    let others = names.count { !["anon_inode:[eventfd]", "anon_inode:[timerfd]", epoll].contains($0) }
    // The runner's epoll may come late: one is its.
    return others + max(0, names.count { $0 == epoll } - 1)
}

private let epoll = "anon_inode:[eventpoll]"

/// Waits until the test runner's own threads have opened what they open when they first need it: an epoll, an event
/// and a timer descriptor. To be called before descriptors are counted or used up.
package func waitForRuntime() {
    _ = RuntimeDescriptors.areThere
}

private enum RuntimeDescriptors {
    /// Asked once. False when the runtime has had no need of them in all that time, and so will have none soon.
    static let areThere = eventually(within: .milliseconds(300)) {
        let names = openDescriptors(of: getpid()).values
        // For a moment two threads may each have made the event descriptor that one of them then closes.
        return names.contains("anon_inode:[timerfd]") && names.count { $0 == "anon_inode:[eventfd]" } == 1
    }
}

/// Open descriptors of another process, nil when it is gone or not ours to see.
package func openDescriptorCount(of pid: Int32) -> Int? {
    let entries = directoryEntries("/proc/\(pid)/fd")
    return entries.isEmpty ? nil : entries.count
}

/// What the open descriptors of a process are ("socket:[81]", "/dev/null"), by number.
package func openDescriptors(of pid: Int32) -> [Int32: String] {
    var found: [Int32: String] = [:]
    for name in directoryEntries("/proc/\(pid)/fd") {
        var target = [UInt8](repeating: 0, count: 256)
        let length = target.withUnsafeMutableBytes {
            readlink("/proc/\(pid)/fd/\(name)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        if let number = Int32(name), length > 0 { found[number] = String(decoding: target[..<length], as: UTF8.self) }
    }
    return found
}

/// Processor time a process has used, in nanoseconds, nil when it is gone. Field 1 of `/proc/PID/schedstat`.
package func processorNanoseconds(of pid: Int32) -> UInt64? {
    readFile("/proc/\(pid)/schedstat")?.split(separator: " ").first.flatMap { UInt64($0) }
}

/// The living direct children of a process, zombies not counted.
package func children(of pid: Int32) -> [Int32] {
    directoryEntries("/proc").compactMap { Int32($0) }.filter {
        guard let status = ProcessFiles.status(of: $0) else { return false }
        return status.parent == pid && status.isAlive
    }
}

/// Whether a process exists and is no zombie.
package func isAlive(_ pid: Int32) -> Bool {
    ProcessFiles.status(of: pid)?.isAlive ?? false
}

/// The living processes whose environment at their start held a line.
func processes(startedWith line: String) -> [Int32] {
    let wanted = Array(line.utf8)
    return directoryEntries("/proc").compactMap { Int32($0) }.filter { pid in
        guard pid != getpid(), isAlive(pid), let environment = readFile("/proc/\(pid)/environ") else { return false }
        return environment.utf8.split(separator: 0).contains { $0.elementsEqual(wanted) }
    }
}

/// Whether a thread of a process sleeps in nanosleep(2), as the demo's `/block` makes its event loop do.
package func isAThreadSleeping(of pid: Int32) -> Bool {
    directoryEntries("/proc/\(pid)/task").contains { thread in
        readFile("/proc/\(pid)/task/\(thread)/wchan")?.contains("nanosleep") ?? false
    }
}
