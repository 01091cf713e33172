// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads of `/proc`: what the kernel knows about any process.
///
/// See proc(5).
package enum ProcessFiles {
    /// Identity and state of a process at one moment.
    package struct Status: Equatable, Sendable {
        /// Clock ticks after boot at which it started; with the pid, unique.
        package let startTime: UInt64
        /// False for a zombie: the number is still taken, its descriptors are closed.
        package let isAlive: Bool
        /// The process it belongs to.
        package let parent: Int32
    }

    /// State, parent and start time of a process, nil when there is none.
    ///
    /// Fields 3, 4 and 22 of `/proc/PID/stat`.
    package static func status(of pid: Int32) -> Status? {
        guard pid > 0, let text = readSmall("/proc/\(pid)/stat") else { return nil }
        // The name, field 2, is in parentheses and may hold anything, closing parentheses too.
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, let state = fields[0].first else { return nil }
        guard let parent = number(fields[1]), let startTime = number(fields[19]) else { return nil }
        let isAlive = state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")
        return Status(startTime: startTime, isAlive: isAlive, parent: Int32(truncatingIfNeeded: parent))
    }

    /// Resident memory of a process in bytes, nil when there is none.
    ///
    /// Field 2 of `/proc/PID/statm`.
    package static func residentBytes(of pid: Int32) -> UInt64? {
        guard pid > 0, let text = readSmall("/proc/\(pid)/statm") else { return nil }
        let fields = text[...].split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = number(fields[1]) else { return nil }
        return pages &* UInt64(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// Processor time that a process and those of its children that it waited for have used, nil when there is none.
    ///
    /// Fields 14 to 17 of `/proc/PID/stat`, which count in ticks of 10 ms.
    package static func cpuNanoseconds(of pid: Int32) -> UInt64? {
        guard pid > 0, let text = readSmall("/proc/\(pid)/stat") else { return nil }
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 14 else { return nil }
        let ticks = fields[11...14].reduce(0) { $0 &+ (number($1) ?? 0) }
        return ticks &* (1_000_000_000 / UInt64(max(1, sysconf(CInt(_SC_CLK_TCK)))))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self))
    }

    /// The first 1,024 bytes of a file: more than any line read here has.
    private static func readSmall(_ path: String) -> [UInt8]? {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        return unsafe [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
            count = max(0, retrying { unsafe read(file.number, buffer.baseAddress, 1024) })
        }
    }
}
