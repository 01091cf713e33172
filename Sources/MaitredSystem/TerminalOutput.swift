// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A terminal that is written to without ever waiting for it.
///
/// The open file that standard output stands for is shared with workers and whoever started us, so O_NONBLOCK must not
/// be set on it. The terminal is therefore opened once more, which makes an open file of our own.
package struct TerminalOutput: ~Copyable, Sendable {
    /// The open file of our own: writable while there is room.
    package let descriptor: Descriptor

    /// Opens the terminal that a descriptor stands for once more.
    ///
    /// - Throws: EACCES when the terminal belongs to somebody else, as after `su`; EIO when it is gone.
    package init(reopening number: CInt) throws(SystemError) {
        let flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        let own = try check("open again", "descriptor \(number)") { unsafe open("/proc/self/fd/\(number)", flags) }
        descriptor = Descriptor(owning: own)
    }

    /// Writes as many of the bytes as there is room for.
    ///
    /// Wraps `write(2)`.
    ///
    /// - Parameter bytes: Not empty.
    /// - Returns: How many were taken; `.wouldBlock` too while output is stopped with Ctrl-S, `.closed` when the terminal
    ///   is gone.
    package func write(_ bytes: ArraySlice<UInt8>) -> StreamWrite {
        precondition(!bytes.isEmpty, "nothing to write")
        let count = unsafe bytes.withUnsafeBytes { bytes in
            // SAFETY: pointer and count belong together, and the kernel reads during the call only.
            retrying { unsafe Glibc.write(descriptor.number, bytes.baseAddress, bytes.count) }
        }
        if count > 0 { return .bytes(count) }
        return count == 0 || count == -Int(EAGAIN) ? .wouldBlock : .closed
    }
}

/// Whether a descriptor stands for a terminal.
///
/// Wraps `isatty(3)`.
package func isTerminal(_ number: CInt) -> Bool {
    isatty(number) == 1
}
