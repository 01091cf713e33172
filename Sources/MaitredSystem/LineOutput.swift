// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Which open file a descriptor stands for: device and inode of `fstat(2)`.
package struct FileIdentity: Equatable, Sendable {
    /// The device the file lives on.
    package let device: UInt64
    /// Its number there.
    package let inode: UInt64

    /// Names a file.
    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    /// The file behind a descriptor number, nil when it is not open.
    package static func ofDescriptor(_ number: CInt) -> FileIdentity? {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}

/// A descriptor for text lines, such as standard error, that is written to without ever waiting for its reader.
///
/// Its open file is shared with workers and whoever started us, so O_NONBLOCK must not be set on it. Asking `poll(2)`
/// first is not enough either: a worker can fill the pipe between the question and the write. So the way depends on
/// what it is:
/// - a socket is written to with MSG_DONTWAIT
/// - a pipe or a terminal is opened once more through `/proc/self/fd`, which makes an open file of our own
/// - a regular file never makes its writer wait for a reader
/// - where opening again is forbidden, `poll(2)` is asked, and a line that fits the pipe is written
package struct LineOutput: ~Copyable, Sendable {
    /// The longest line: up to PIPE_BUF bytes a pipe takes whole or not at all, and never mixes with other writers'.
    package static let longestLine = Int(PIPE_BUF)

    private enum Kind {
        case file
        case socket
        /// A pipe, a terminal, or anything else whose reader may be slow.
        case stream
    }

    private let number: CInt
    private let kind: Kind
    /// What lines are written to: the number of `own` if there is one.
    private let target: CInt
    /// Keeps the file that was opened again open.
    private let own: Descriptor?

    /// Prepares a descriptor for writing; it stays the caller's.
    package init(number: CInt) {
        var status = stat()
        _ = unsafe fstat(number, &status)
        self.number = number
        var target = number
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFSOCK: kind = .socket
        default:
            kind = .stream
            let again = unsafe open("/proc/self/fd/\(number)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            if again >= 0 { target = again }
        }
        own = target == number ? nil : Descriptor(owning: target)
        self.target = target
    }

    /// Whether a person may be looking at it.
    ///
    /// Wraps `isatty(3)`.
    package var isTerminal: Bool { isatty(number) == 1 }

    /// Writes a line of at most `longestLine` bytes.
    ///
    /// - Returns: false when it could not be written at once, or not whole: then it is lost.
    package func write(_ line: [UInt8]) -> Bool {
        precondition(line.count <= Self.longestLine, "a line longer than PIPE_BUF could be written in part")
        if kind == .stream, !Self.isWritable(target) { return false }
        let written = unsafe line.withUnsafeBytes { bytes in
            // SAFETY: pointer and count belong together, and the kernel reads during the call only.
            retrying {
                kind == .socket
                    ? unsafe maitred_linux_send(target, bytes.baseAddress, bytes.count, -1)
                    : unsafe Glibc.write(target, bytes.baseAddress, bytes.count)
            }
        }
        return written == line.count
    }

    /// Whether somebody reads it and there is room.
    ///
    /// Without a reader a write would be a SIGPIPE.
    private static func isWritable(_ number: CInt) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&entry, 1, 0) == 1 else { return false }
        return entry.revents & Int16(POLLERR | POLLNVAL) == 0
    }
}
