// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ClockTests {
    @Test func `the monotonic clock runs forwards`() {
        var last = MonotonicClock.nanoseconds()
        for _ in 0..<1000 {
            let now = MonotonicClock.nanoseconds()
            #expect(now >= last)
            last = now
        }
    }

    @Test func `a timestamp is ISO 8601 with milliseconds and zone`() async {
        await #expect(processExitsWith: .success) {
            setenv("TZ", "XYZ-5:30", 1)
            tzset()
            let text = WallClock.timestamp()
            #expect(text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0530/) != nil, "\(text)")
        }
    }

    /// A container or a service manager gives a process fewer processors than the machine has.
    @Test func `only the processors this process may use are counted`() async {
        await #expect(processExitsWith: .success) {
            let all = processorCount()
            #expect(all >= 1)
            let mask: [UInt64] = [1]
            #expect(mask.withUnsafeBytes { setAffinity(0, 8, $0.baseAddress!) } == 0)
            #expect(processorCount() == 1)
        }
    }
}

/// sched_setaffinity(2), which Swift does not import.
@_silgen_name("sched_setaffinity")
private func setAffinity(_ pid: Int32, _ size: Int, _ mask: UnsafeRawPointer) -> Int32

struct ProcessClockTests {
    @Test func `a process's CPU time grows as it computes, and nobody's is nil`() throws {
        let before = try #require(ProcessClock.nanoseconds(of: getpid()))
        #expect(eventually { (ProcessClock.nanoseconds(of: getpid()) ?? 0) > before })
        #expect(ProcessClock.nanoseconds(of: -1) == nil)
        #expect(ProcessClock.nanoseconds(of: .max) == nil)
    }
}
