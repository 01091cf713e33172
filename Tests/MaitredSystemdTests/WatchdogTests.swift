// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import Testing

@testable import MaitredSystemd

/// The variables belong to the whole process, so each test that sets them runs in a process of its own.
@Suite(.timeLimit(.minutes(1)))
struct WatchdogTests {
    @Test func `the loop is to say that it turns twice in the timeout`() {
        #expect(Watchdog(timeout: .seconds(30)).pingInterval == .seconds(15))
    }

    @Test func `the timeout is taken and the variables are gone`() async {
        await #expect(processExitsWith: .success) {
            setenv("WATCHDOG_USEC", "30000000", 1)
            setenv("WATCHDOG_PID", "\(getpid())", 1)
            let first = try Watchdog.take()
            #expect(first == Watchdog(timeout: .seconds(30)))
            #expect(getenv("WATCHDOG_USEC") == nil)
            #expect(getenv("WATCHDOG_PID") == nil)
            let next = try Watchdog.take()
            #expect(next == nil)
        }
    }

    @Test func `a watchdog of another process is not ours`() async {
        await #expect(processExitsWith: .success) {
            setenv("WATCHDOG_USEC", "30000000", 1)
            setenv("WATCHDOG_PID", "1", 1)
            let next = try Watchdog.take()
            #expect(next == nil)
        }
    }

    @Test func `a timeout that makes no sense is an error`() async {
        await #expect(processExitsWith: .success) {
            setenv("WATCHDOG_USEC", "soon", 1)
            let error = #expect(throws: SystemError.self) { try Watchdog.take() }
            #expect(error?.errno == EINVAL)
        }
    }
}
