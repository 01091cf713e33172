// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// An open file descriptor with exactly one owner, closed exactly once: when the owner goes.
package struct Descriptor: ~Copyable, Sendable {
    /// The number the kernel knows it by.
    ///
    /// Borrowed: valid while this value lives.
    package let number: CInt

    /// Takes over an open descriptor.
    ///
    /// - Precondition: `number` is open and nobody else will close it.
    package init(owning number: CInt) {
        precondition(number >= 0, "a descriptor is never negative")
        self.number = number
    }

    deinit {
        // Never retried: Linux has released the number even when close(2) reports EINTR.
        _ = Glibc.close(number)
    }

    /// Gives the number away: from now on the caller closes it.
    package consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// A second descriptor for the same open file, close-on-exec.
    ///
    /// Wraps `fcntl(2)` F_DUPFD_CLOEXEC.
    package func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(owning: try check("duplicate", "descriptor \(number)") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// Keeps an inherited descriptor from the programs this process executes.
    ///
    /// Wraps `fcntl(2)` F_SETFD.
    package func setCloseOnExec() throws(SystemError) {
        try check("set close-on-exec on", "descriptor \(number)") { fcntl(number, F_SETFD, FD_CLOEXEC) }
    }

    /// The identity of the open file: its inode number.
    ///
    /// Wraps `fstat(2)`.
    package func inode() throws(SystemError) -> UInt64 {
        try inodeOfDescriptor(number)
    }

    /// An open `/dev/null`: what is put in place of a standard descriptor that was closed, and held in reserve
    /// for the moment when no other can be opened.
    package static func null() throws(SystemError) -> Descriptor {
        let number = try check("open", "/dev/null") { unsafe open("/dev/null", O_RDWR | O_CLOEXEC) }
        return Descriptor(owning: number)
    }
}

/// The inode number behind any descriptor number, open or not: tells a stranger's descriptor from ours.
package func inodeOfDescriptor(_ number: CInt) throws(SystemError) -> UInt64 {
    var status = stat()
    try check("inspect", "descriptor \(number)") { unsafe fstat(number, &status) }
    return UInt64(status.st_ino)
}

/// Whether a number is that of an open descriptor of this process.
///
/// Wraps `fcntl(2)` F_GETFD.
package func isOpenDescriptor(_ number: CInt) -> Bool {
    fcntl(number, F_GETFD) >= 0
}

/// Makes every descriptor from `first` up close-on-exec, so that nothing inherited reaches a worker by accident.
package func closeOnExec(from first: CInt) throws(SystemError) {
    try check("set close-on-exec on inherited descriptors") { maitred_linux_close_on_exec_from(first) }
}

/// Opens `/dev/null` on each of descriptors 0, 1 and 2 that is closed, so that no socket of ours gets such a number.
package func openStandardDescriptors() throws(SystemError) {
    while true {
        let number = try Descriptor.null().release()
        if number > 2 {
            _ = Glibc.close(number)
            return
        }
        _ = fcntl(number, F_SETFD, 0)
    }
}
