// SPDX-License-Identifier: Apache-2.0

import Glibc

// Looks at processes of others, for a person who asks why something does not work: slower than the reads that run every
// second, and each with a bound.
//
// See proc(5). What this process may not see, or what ended meanwhile, is nil: nobody draws a conclusion from it.

extension ProcessFiles {
    /// Processes that are looked at when all descendants of one are asked for.
    package static let mostDescendants = 64

    /// The living children of a process, oldest first; none where the kernel does not list them.
    package static func children(of pid: Int32) -> [Int32] {
        listedChildren(of: pid).filter { status(of: $0)?.isAlive == true }
    }

    /// The children of a process, those that have ended and wait to be reaped too.
    package static func listedChildren(of pid: Int32) -> [Int32] {
        names(in: "/proc/\(pid)/task").prefix(mostThreads).flatMap { thread in
            let text = bytes(of: "/proc/\(pid)/task/\(thread)/children", limit: longestList) ?? []
            return text.split(separator: UInt8(ascii: " ")).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
        }
    }

    /// A process and everything that descends from it, parents before children.
    package static func family(of pid: Int32) -> [Int32] {
        var found = [pid]
        var next = 0
        while next < found.count, found.count < mostDescendants {
            found += children(of: found[next]).filter { !found.contains($0) }.prefix(mostDescendants - found.count)
            next += 1
        }
        return found
    }

    /// The name of a process, of at most 15 bytes; nil when it is gone.
    package static func name(of pid: Int32) -> String? {
        bytes(of: "/proc/\(pid)/comm", limit: 64).map { String(decoding: $0.prefix { $0 != 10 }, as: UTF8.self) }
    }

    /// What the memory of a process shows.
    package struct Memory: Equatable, Sendable {
        /// The words it was started with, as it shows them now.
        package let words: [String]
        /// Whether its variables at the start had one that was looked for; nil: they are too long.
        package let hasVariable: Bool?
        /// Whether it has mapped a file of that name; nil: it has more mappings than are looked at.
        package let hasFile: Bool?
    }

    /// Looks into the memory of a process.
    ///
    /// The kernel gives it out under a lock of that process, so one of which a thread waits in the kernel without being
    /// interruptible, for a disk or for that lock, is left alone: who asks must not wait with it.
    ///
    /// - Parameters:
    ///   - pid: The process.
    ///   - file: The name of a file that it may have mapped, a library for example.
    ///   - isWanted: Whether a line "NAME=VALUE" of its variables is the one that is looked for.
    /// - Returns: Nil when it cannot be seen, as that of a zombie.
    package static func memory(of pid: Int32, file: String, variable isWanted: (Substring) -> Bool) -> Memory? {
        guard isAnswering(pid), let maps = bytes(of: "/proc/\(pid)/maps", limit: longestMaps), !maps.isEmpty,
            let variables = bytes(of: "/proc/\(pid)/environ", limit: longestEnvironment)
        else { return nil }
        let hasFile = maps.split(separator: UInt8(ascii: "\n")).contains { isLine($0, about: Array("/\(file)".utf8)) }
        let hasVariable = strings(variables).contains { isWanted($0[...]) }
        let words = bytes(of: "/proc/\(pid)/cmdline", limit: longestCommandLine) ?? []
        return Memory(
            words: strings(words),
            hasVariable: hasVariable || variables.count < longestEnvironment ? hasVariable : nil,
            hasFile: hasFile || maps.count < longestMaps ? hasFile : nil
        )
    }

    private static func strings(_ text: [UInt8]) -> [String] {
        text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a line of `/proc/PID/maps` ends with a path, which may have been deleted since.
    private static func isLine(_ line: ArraySlice<UInt8>, about path: [UInt8]) -> Bool {
        let deleted = Array(" (deleted)".utf8)
        let name = line.suffix(deleted.count).elementsEqual(deleted) ? line.dropLast(deleted.count) : line
        return name.suffix(path.count).elementsEqual(path)
    }

    /// Whether every thread runs or waits in a way that a signal could end.
    private static func isAnswering(_ pid: Int32) -> Bool {
        let threads = names(in: "/proc/\(pid)/task")
        guard threads.count <= mostThreads else { return false }
        return threads.allSatisfy { thread in
            unsafe withSmallFile("/proc/\(pid)/task/\(thread)/stat") { text in
                guard let end = unsafe text.lastIndex(of: UInt8(ascii: ")")) else { return false }
                return unsafe !text[end...].starts(with: ") D".utf8)
            } ?? true
        }
    }

    /// The inodes of the sockets that a process has open.
    package static func sockets(of pid: Int32) -> Set<UInt64> {
        Set(names(in: "/proc/\(pid)/fd").prefix(mostDescriptors).compactMap { socket("/proc/\(pid)/fd/\($0)") })
    }

    /// Whether a process has a file open that this process has open too.
    ///
    /// Wraps `stat(2)` and `fstat(2)`.
    package static func shares(_ pid: Int32, _ descriptor: CInt) -> Bool {
        var own = stat()
        guard unsafe fstat(descriptor, &own) == 0 else { return false }
        return names(in: "/proc/\(pid)/fd").prefix(mostDescriptors).contains { name in
            var other = stat()
            return unsafe stat("/proc/\(pid)/fd/\(name)", &other) == 0 && other.st_ino == own.st_ino
                && other.st_dev == own.st_dev
        }
    }

    /// The process group of a process, nil when it is gone.
    ///
    /// Wraps `getpgid(2)`.
    package static func group(of pid: Int32) -> Int32? {
        let group = getpgid(pid)
        return group < 0 ? nil : group
    }

    /// Threads of a process that are looked at.
    private static let mostThreads = 256
    /// Descriptors of a process that are looked at.
    private static let mostDescriptors = 1024
    /// Bytes of a list of children: a few thousand.
    private static let longestList = 64 << 10
    /// Bytes of a command line that is shown to a person.
    private static let longestCommandLine = 4096
    /// Bytes of variables: real ones have a few thousand.
    private static let longestEnvironment = 256 << 10
    /// Bytes of mappings: about 10,000 of them.
    private static let longestMaps = 1 << 20

    /// "socket:[4711]".
    private static func socket(_ path: String) -> UInt64? {
        var target = [UInt8](repeating: 0, count: 64)
        // SAFETY: the kernel writes at most as many bytes as there are.
        let count = unsafe target.withUnsafeMutableBytes { buffer in
            guard let start = unsafe buffer.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return unsafe readlink(path, start, buffer.count)
        }
        let text = String(decoding: target.prefix(max(0, count)), as: UTF8.self)
        guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
        return UInt64(text.dropFirst("socket:[".count).dropLast())
    }

    /// The names in a directory that are wanted, numbers unless said otherwise, in the order in which the kernel lists
    /// them.
    ///
    /// Wraps `readdir(3)`.
    static func names(
        in directory: String,
        where isWanted: (String) -> Bool = { $0.first?.isWholeNumber == true }
    ) -> [String] {
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < mostDescriptors, let entry = unsafe readdir(stream) {
            // SAFETY: d_name ends with NUL, and is copied before the next call.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix("."), isWanted(name) { names.append(name) }
        }
        return names
    }

    /// The first bytes of a file, which the kernel may give in pieces; nil when it cannot be read.
    static func bytes(of path: String, limit: Int) -> [UInt8]? {
        let number = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: min(limit, 16 << 10))
        var length = 0
        while length < limit {
            if length == bytes.count { bytes += [UInt8](repeating: 0, count: min(limit - length, length)) }
            // SAFETY: the kernel writes at most as many bytes as are left behind the ones that are there.
            let count = retrying {
                unsafe bytes.withUnsafeMutableBytes { buffer in
                    unsafe read(file.number, buffer.baseAddress?.advanced(by: length), buffer.count - length)
                }
            }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            length += count
        }
        return Array(bytes.prefix(length))
    }
}
