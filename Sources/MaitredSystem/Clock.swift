// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// The machine's monotonic clock: CLOCK_MONOTONIC of `clock_gettime(2)`, which does not run while suspended.
package enum MonotonicClock {
    /// Nanoseconds since an arbitrary start, the same for every process of the machine.
    @inline(__always)
    package static func nanoseconds() -> UInt64 {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
    }
}

extension MonotonicClock {
    /// Gives the processor away for a while; less when a signal is caught meanwhile.
    ///
    /// The kernel adds up to the process's timer slack, 50 microseconds unless somebody has changed it, so that it can
    /// end several waits at once. Wraps `nanosleep(2)`.
    ///
    /// - Parameter nanoseconds: How long at least, below a second.
    package static func rest(nanoseconds: Int) {
        var wait = timespec(tv_sec: 0, tv_nsec: nanoseconds)
        _ = unsafe nanosleep(&wait, nil)
    }
}

/// The processor time of the calling thread: CLOCK_THREAD_CPUTIME_ID of `clock_gettime(2)`.
package enum ThreadClock {
    /// Nanoseconds that the calling thread has run, in the kernel and outside.
    package static func nanoseconds() -> UInt64 {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
    }
}

/// The CPU time of a whole process, its threads that have ended included, to the nanosecond.
package enum ProcessClock {
    /// Wraps `clock_getcpuclockid(3)`.
    ///
    /// - Parameter pid: Any process.
    /// - Returns: What it has used since it started; nil when it is gone.
    package static func nanoseconds(of pid: Int32) -> UInt64? {
        // The number of a clock has few bits for the process: 2^22 is the most that Linux gives out.
        guard (1...1 << 22).contains(pid) else { return nil }
        var clock = clockid_t()
        var time = timespec()
        guard unsafe clock_getcpuclockid(pid, &clock) == 0, unsafe clock_gettime(clock, &time) == 0 else { return nil }
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// The time of day, for log lines.
package enum WallClock {
    /// Seconds since 1970, with fractions.
    package static func secondsSinceEpoch() -> Double {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    /// Local time as "2026-11-22T18:53:46.123+0000" (ISO 8601).
    package static func timestamp() -> String {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        var fields = unsafe tm()
        _ = unsafe localtime_r(&now.tv_sec, &fields)
        let day = unsafe formatted("%Y-%m-%dT%H:%M:%S", &fields)
        let zone = unsafe formatted("%z", &fields)
        let milliseconds = String(1000 + now.tv_nsec / 1_000_000).dropFirst()
        return "\(day).\(milliseconds)\(zone)"
    }

    private static func formatted(_ format: String, _ fields: UnsafePointer<tm>) -> String {
        // SAFETY: strftime writes at most the capacity given and returns how much it wrote.
        unsafe String(unsafeUninitializedCapacity: 64) { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { unsafe strftime($0.baseAddress, 64, format, fields) }
        }
    }
}

/// The number of processors this process may use, which may be fewer than the machine has.
///
/// Wraps `sched_getaffinity(2)`.
package func processorCount() -> Int {
    let usable = maitred_linux_processor_count()
    return usable > 0 ? Int(usable) : max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
}
