// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Signals as a readable descriptor.
///
/// Wraps `signalfd(2)`.
package struct SignalDescriptor: ~Copyable {
    /// Readable while a signal waits.
    package let descriptor: Descriptor

    /// Blocks the signals in this process and collects them here; SIGPIPE is ignored besides.
    package init(_ signals: [CInt]) throws(SystemError) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        try check("block signals") { unsafe sigprocmask(SIG_BLOCK, &set, nil) }
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
        let number = try check("create a signalfd") {
            unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC) | CInt(SFD_NONBLOCK))
        }
        descriptor = Descriptor(owning: number)
    }

    /// The next signal that waits, or nil.
    package func next() -> CInt? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        // SAFETY: the kernel writes whole records only, and the record is as large as said.
        let length = retrying { unsafe read(descriptor.number, &info, size) }
        return length == size ? CInt(info.ssi_signo) : nil
    }
}
