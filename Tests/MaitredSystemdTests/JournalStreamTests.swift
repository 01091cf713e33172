// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredSystemd

@Suite(.timeLimit(.minutes(1)))
struct JournalStreamTests {
    /// The bytes that `sd_journal_stream_fd("demo-3", LOG_INFO, 1)` sends.
    @Test func `a stream begins with seven lines about its writer`() throws {
        let journal = try StreamReceiver()
        let stream = try JournalStream(identifier: "demo-3", path: journal.path)
        #expect(write(stream.descriptor.number, "hello\n", 6) == 6)
        #expect(journal.next() == "demo-3\n\n6\n1\n0\n0\n0\nhello\n")
    }

    @Test func `an identifier cannot end its line`() {
        let header = JournalStream.header(identifier: "a\nb\u{7F}\u{E9}", priority: 3)
        #expect(String(decoding: header, as: UTF8.self) == "a b \u{E9}\n\n3\n1\n0\n0\n0\n")
    }

    @Test func `the program's own writes wait as it expects, and it cannot read`() throws {
        let journal = try StreamReceiver()
        let stream = try JournalStream(identifier: "x", path: journal.path)
        let number = stream.descriptor.number
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK == 0)
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        var byte: UInt8 = 0
        #expect(read(number, &byte, 1) == 0)
    }

    @Test func `the program can find out that the journal reads it`() throws {
        let journal = try StreamReceiver()
        let stream = try JournalStream(identifier: "x", path: journal.path)
        let (number, value) = (stream.descriptor.number, stream.environmentValue ?? "")
        #expect(Journal.isStream(number, environment: ["JOURNAL_STREAM": value]))
        _ = consume stream
    }

    /// `sd_journal_stream_fd(3)` would wait here for ever.
    @Test func `a journal that has stopped accepting fails and makes nobody wait`() throws {
        let journal = try StreamReceiver(backlog: 0)
        var failure: SystemError?
        for _ in 0..<3 where failure == nil {
            do throws(SystemError) {
                _ = try JournalStream(identifier: "x", path: journal.path)
            } catch {
                failure = error
            }
        }
        #expect(failure?.errno == EAGAIN)
        #expect(journal.next() == "x\n\n6\n1\n0\n0\n0\n")
    }

    @Test func `a journal that is not there is said`() {
        let error = #expect(throws: SystemError.self) {
            _ = try JournalStream(identifier: "x", path: "/tmp/maitred-test-nobody.sock").environmentValue
        }
        #expect(error?.errno == ENOENT)
    }
}
