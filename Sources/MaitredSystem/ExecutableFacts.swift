// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// What a program's file says of how the kernel and the loader will start it.
package struct ExecutableFacts: Equatable, Sendable {
    /// What is in the file.
    package enum Form: Equatable, Sendable {
        /// A program for some machine.
        case elf(ELFFacts)
        /// A text for another program: the words behind `#!`.
        case script(interpreter: String, argument: String?)
        /// Nothing that Linux runs by itself; without a NUL in its first bytes it looks like a text.
        case other(isText: Bool)
    }

    /// What is in the file.
    package let form: Form
    /// The user that it is run as in spite of who starts it, nil when there is none: the setuid bit.
    package let setUser: UInt32?
    /// The group, likewise.
    package let setGroup: UInt32?
    /// Whether it comes with privileges of its own: capabilities(7) of files.
    package let hasCapabilities: Bool

    /// Bytes of the first line of a script that the kernel looks at: BINPRM_BUF_SIZE.
    private static let longestLine = 256

    /// Looks into a file.
    ///
    /// Wraps `open(2)`, `fstat(2)`, `fgetxattr(2)` and `pread(2)`, of a few kilobytes at most. Bits that have no effect,
    /// because of the way the file is mounted or this process was started, count as not set.
    ///
    /// - Returns: Nil when it is no file that this process may read.
    package static func read(_ path: String) -> ExecutableFacts? {
        let number = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let isObeyed = arePrivilegesObeyed(of: file.number)
        // Without the right to execute for the group, the group's bit means a way of locking.
        let isGroupSet = status.st_mode & S_ISGID != 0 && status.st_mode & S_IXGRP != 0
        return ExecutableFacts(
            form: form { bytes(of: file.number, at: $0, $1) },
            setUser: isObeyed && status.st_mode & S_ISUID != 0 ? status.st_uid : nil,
            setGroup: isObeyed && isGroupSet ? status.st_gid : nil,
            hasCapabilities: isObeyed && maitred_linux_has_file_capabilities(file.number) == 1
        )
    }

    /// What some bytes are.
    ///
    /// - Parameter read: Gives at most so many bytes from an offset.
    /// - Returns: What the first of them say.
    static func form(_ read: (_ offset: UInt64, _ count: Int) -> [UInt8]) -> Form {
        if let facts = ELFFacts(read: read) { return .elf(facts) }
        let start = read(0, longestLine)
        let other = Form.other(isText: !start.contains(0))
        let line = start.prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
        guard line.starts(with: "#!".utf8) else { return other }
        // The kernel takes everything behind the first word as one argument.
        let words = line.dropFirst(2).drop(while: isBlank)
        let first = words.prefix { !isBlank($0) }
        guard !first.isEmpty else { return other }
        var rest = words.dropFirst(first.count).drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return .script(
            interpreter: String(decoding: first, as: UTF8.self),
            argument: rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
        )
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// Nothing in the file system or in this process takes the privileges of files away.
    private static func arePrivilegesObeyed(of number: CInt) -> Bool {
        var system = statvfs()
        let isIgnored = unsafe fstatvfs(number, &system) == 0 && system.f_flag & UInt(ST_NOSUID) != 0
        return !isIgnored && maitred_linux_has_no_new_privileges() != 1
    }

    private static func bytes(of number: CInt, at offset: UInt64, _ count: Int) -> [UInt8] {
        guard let offset = off_t(exactly: offset), count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        // SAFETY: the kernel writes at most as many bytes as there are.
        let length = retrying {
            unsafe bytes.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, offset) }
        }
        return Array(bytes.prefix(max(0, length)))
    }
}

extension ELFFacts {
    /// This program's own, nil where `/proc` is not mounted.
    package static let own: ELFFacts? = {
        guard case .elf(let facts)? = ExecutableFacts.read("/proc/self/exe")?.form else { return nil }
        return facts
    }()
}
