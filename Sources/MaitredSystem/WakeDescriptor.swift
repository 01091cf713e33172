// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A descriptor that any thread can make readable: how one thread wakes another's epoll.
///
/// Wraps `eventfd(2)`.
package struct WakeDescriptor: ~Copyable, Sendable {
    /// Readable once it was rung.
    package let descriptor: Descriptor

    /// A bell that was not rung.
    package init() throws(SystemError) {
        let number = try check("create an eventfd") { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) }
        descriptor = Descriptor(owning: number)
    }

    /// Makes it readable, from any thread.
    package func ring() {
        // EAGAIN means that it was rung 2^64 times: it is readable.
        _ = eventfd_write(descriptor.number, 1)
    }

    /// Makes it unreadable until it is rung again.
    package func silence() {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor.number, &count)
    }
}
