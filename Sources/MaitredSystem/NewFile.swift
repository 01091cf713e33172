// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file that is written once, whole: opened early, so that what is wrong with it is known before the work is done.
package struct NewFile: ~Copyable {
    private let descriptor: Descriptor
    private let path: String

    /// Opens or creates a file; what is in it stays until `write`.
    ///
    /// Wraps `open(2)`.
    ///
    /// - Throws: What `open(2)` gave.
    package init(_ path: String) throws(SystemError) {
        let number = try check("write", path) { unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666) }
        descriptor = Descriptor(owning: number)
        self.path = path
    }

    /// Replaces what is in the file.
    ///
    /// - Throws: What `write(2)` gave: the disk is full, for one.
    package func write(_ text: String) throws(SystemError) {
        // A pipe or a terminal has no length.
        _ = ftruncate(descriptor.number, 0)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // SAFETY: pointer and count belong together, and the kernel reads during the call only.
            let count = retrying {
                unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor.number, $0.baseAddress, $0.count) }
            }
            guard count >= 0 else { throw SystemError(call: "write", object: path, errno: CInt(-count)) }
            rest = rest.dropFirst(count)
        }
    }
}
