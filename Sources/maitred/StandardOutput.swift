// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredConsole
import MaitredSystem

/// Standard output, written to at once: a reader of a pipe sees each line when it is known.
enum StandardOutput {
    /// Nobody reads it any more, or the disk is full.
    struct Closed: Error, CustomStringConvertible {
        /// Why, as the system says it.
        let errno: CInt

        var description: String { "cannot write to standard output: \(SystemError.words(for: errno))" }
    }

    /// Whether a person may be looking at it.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// How text on it is painted.
    static var style: Style { .suiting(isTerminal: isTerminal, environment: ProcessEnvironment.variables()) }

    /// Writes all bytes, waiting for a slow reader.
    ///
    /// Wraps `write(2)`. A reader that has gone ends the process by SIGPIPE, as it does with every other tool.
    ///
    /// - Parameter bytes: What to write.
    /// - Throws: `Closed`, where SIGPIPE is ignored and for other errors.
    static func write(_ bytes: [UInt8]) throws(Closed) {
        var rest = bytes[...]
        while !rest.isEmpty {
            // SAFETY: pointer and count belong together, and the kernel reads during the call only.
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody else made the open file non-blocking.
                Waiting.wait(for: [.writable(STDOUT_FILENO)], within: nil)
            } else if errno != EINTR {
                throw Closed(errno: errno)
            }
        }
    }

    /// Writes a text.
    static func write(_ text: String) throws(Closed) {
        try write(Array(text.utf8))
    }
}
