// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A moment of the monotonic clock as a descriptor: readable, once per setting, from that moment on.
///
/// Wraps `timerfd_create(2)`. Meant to be watched edge-triggered, so that it need not be read.
package struct TimerDescriptor: ~Copyable {
    /// Readable once the moment has come.
    package let descriptor: Descriptor

    /// A timer that is not set.
    package init() throws(SystemError) {
        let number = try check("create a timer") {
            timerfd_create(CLOCK_MONOTONIC, CInt(TFD_CLOEXEC) | CInt(TFD_NONBLOCK))
        }
        descriptor = Descriptor(owning: number)
    }

    /// Sets the moment and forgets the one before; a moment that has passed is reported at once.
    ///
    /// - Parameter nanoseconds: A reading of `MonotonicClock`; one beyond 292 years after its start never comes.
    package func set(at nanoseconds: UInt64) {
        // Zero would turn the timer off.
        let moment = Int(clamping: max(1, nanoseconds))
        var setting = itimerspec()
        setting.it_value = timespec(tv_sec: moment / 1_000_000_000, tv_nsec: moment % 1_000_000_000)
        let result = unsafe timerfd_settime(descriptor.number, CInt(TFD_TIMER_ABSTIME), &setting, nil)
        precondition(result == 0, "timerfd_settime on our own descriptor failed: \(SystemError.words(for: errno))")
    }
}
