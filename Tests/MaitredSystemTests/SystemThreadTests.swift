// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SystemThreadTests {
    @Test func `a thread returns what its body returns, and is another one`() throws {
        let own = pthread_self()
        let threads = try (0..<4).map { index in
            try SystemThread { (index * 10, pthread_equal(pthread_self(), own) == 0) }
        }
        let results = threads.map { $0.join() }
        #expect(results.map(\.0) == [0, 10, 20, 30])
        #expect(results.allSatisfy { $0.1 })
    }

    @Test func `what a body holds goes with its thread`() throws {
        final class Marker: Sendable {}
        weak var held: Marker?
        let thread: SystemThread<Bool>
        do {
            let marker = Marker()
            held = marker
            thread = try SystemThread { withExtendedLifetime(marker) { true } }
        }
        #expect(thread.join())
        #expect(eventually { held == nil })
    }

    @Test func `a thread's processor time grows while it works`() throws {
        let time = try SystemThread {
            let begin = ThreadClock.nanoseconds()
            while ThreadClock.nanoseconds() < begin + 1_000_000 {}
            return ThreadClock.nanoseconds() - begin
        }
        #expect(time.join() >= 1_000_000)
    }

    @Test func `a wait for less than a millisecond ends in time`() throws {
        let waited = try SystemThread {
            sharpenTimers()
            guard let epoll = try? Epoll(capacity: 1) else { return UInt64.max }
            // The best of many: the machine may be busy.
            return (0..<200).map { _ in
                let begin = MonotonicClock.nanoseconds()
                _ = epoll.wait(nanoseconds: 200_000)
                return MonotonicClock.nanoseconds() - begin
            }.min() ?? 0
        }
        #expect(200_000..<400_000 ~= waited.join())
    }
}
