// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

/// In exit tests: a signal mask belongs to a whole process.
@Suite(.timeLimit(.minutes(5)))
struct SignalDescriptorTests {
    @Test func `signals wait in the descriptor instead of acting`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let signals = try SignalDescriptor([SIGTERM, SIGHUP, SIGCHLD])
                #expect(signals.next() == nil)
                #expect(!isReadable(signals.descriptor.number))
                // To this thread: others of the test process do not block it.
                pthread_kill(pthread_self(), SIGTERM)
                pthread_kill(pthread_self(), SIGHUP)
                #expect(isReadable(signals.descriptor.number))
                #expect(Set([signals.next(), signals.next()]) == [SIGTERM, SIGHUP])
                #expect(signals.next() == nil)
                #expect(isCloseOnExec(signals.descriptor.number))
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `writing to somebody who is gone does not end the process`() async {
        await #expect(processExitsWith: .success) {
            let signals = try SignalDescriptor([SIGTERM])
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            close(ends[0])
            #expect(write(ends[1], "x", 1) == -1)
            #expect(errno == EPIPE)
            #expect(signals.next() == nil)
        }
    }
}
