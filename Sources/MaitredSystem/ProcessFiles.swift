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
        withStatus(of: pid) { fields in
            guard let state = unsafe fields.next()?.first, let parent = fields.nextNumber(),
                let startTime = fields.number(after: 17)
            else { return nil }
            let isAlive = state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")
            return Status(startTime: startTime, isAlive: isAlive, parent: Int32(truncatingIfNeeded: parent))
        }
    }

    /// Resident memory of a process in bytes, nil when there is none.
    ///
    /// Field 2 of `/proc/PID/statm`.
    package static func residentBytes(of pid: Int32) -> UInt64? {
        guard pid > 0 else { return nil }
        return unsafe withSmallFile("/proc/\(pid)/statm") { text in
            var fields = unsafe Fields(rest: text[...])
            return fields.number(after: 1).map { $0 &* UInt64(sysconf(CInt(_SC_PAGESIZE))) }
        }
    }

    /// Processor time that a process and those of its children that it waited for have used, nil when there is none.
    ///
    /// Fields 14 to 17 of `/proc/PID/stat`, which count in ticks of 10 ms.
    package static func cpuNanoseconds(of pid: Int32) -> UInt64? {
        withStatus(of: pid) { fields in
            guard var ticks = fields.number(after: 11) else { return nil }
            for _ in 0..<3 { ticks &+= fields.nextNumber() ?? 0 }
            return ticks &* (1_000_000_000 / UInt64(max(1, sysconf(CInt(_SC_CLK_TCK)))))
        }
    }

    /// The file that this process runs.
    ///
    /// Wraps `readlink(2)` of `/proc/self/exe`.
    ///
    /// - Returns: An absolute path.
    /// - Throws: What `readlink(2)` gave.
    package static func executable() throws(SystemError) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: the kernel writes at most as many bytes as there are.
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = unsafe buffer.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return unsafe readlink("/proc/self/exe", start, buffer.count)
        }
        guard count >= 0 else { throw SystemError(call: "read", object: "/proc/self/exe", errno: errno) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Lends the fields of `/proc/PID/stat` from the third on.
    private static func withStatus<Value>(of pid: Int32, _ body: (inout Fields) -> Value?) -> Value? {
        guard pid > 0 else { return nil }
        return unsafe withSmallFile("/proc/\(pid)/stat") { text in
            // The name, field 2, is in parentheses and may hold anything, closing parentheses too.
            guard let end = unsafe text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
            var fields = unsafe Fields(rest: text[(end + 1)...])
            return body(&fields)
        }
    }

    /// Lends the first 1,024 bytes of a file, more than any line read here has; on the stack, because this runs for every
    /// worker once a second.
    static func withSmallFile<Value>(_ path: String, _ body: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) { buffer in
            let count = retrying { unsafe read(file.number, buffer.baseAddress, buffer.count) }
            // SAFETY: the kernel has filled as many bytes as it says.
            return unsafe body(UnsafeBufferPointer(rebasing: buffer[..<max(0, count)]))
        }
    }

    /// Words with blanks between them, one after another.
    @safe
    private struct Fields {
        var rest: Slice<UnsafeBufferPointer<UInt8>>

        /// The next word.
        mutating func next() -> Slice<UnsafeBufferPointer<UInt8>>? {
            let blank = UInt8(ascii: " ")
            let word = unsafe rest.drop { $0 == blank }.prefix { $0 != blank && $0 != UInt8(ascii: "\n") }
            unsafe rest = rest[word.endIndex...]
            return unsafe word.isEmpty ? nil : word
        }

        /// The next word as a number.
        mutating func nextNumber() -> UInt64? {
            guard let word = unsafe next() else { return nil }
            var number: UInt64 = 0
            for index in unsafe word.indices {
                let byte = unsafe word[index]
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                number = number &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
            }
            return number
        }

        /// The number that comes after so many other words.
        mutating func number(after count: Int) -> UInt64? {
            for _ in 0..<count { _ = unsafe next() }
            return nextNumber()
        }
    }
}
