// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct PipeTests {
    @Test func `both ends close at an exec, and only the reading end does not block`() throws {
        let pipe = try Pipe()
        let reading = pipe.takeReading()
        let writing = pipe.takeWriting()
        #expect(isCloseOnExec(reading.number))
        #expect(isCloseOnExec(writing.number))
        #expect(fcntl(reading.number, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(writing.number, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test func `what was written is read, then nothing waits, then it has ended`() throws {
        let pipe = try Pipe()
        let reading = pipe.takeReading()
        var buffer = [UInt8](repeating: 0, count: 4)
        let writing = pipe.takeWriting()
        #expect(read(reading, into: &buffer) == .wouldBlock)
        #expect(write(writing.number, "abcdef", 6) == 6)
        #expect(read(reading, into: &buffer) == .bytes(4))
        #expect(buffer == Array("abcd".utf8))
        _ = consume writing
        #expect(read(reading, into: &buffer) == .bytes(2))
        #expect(buffer == Array("efcd".utf8))
        #expect(read(reading, into: &buffer) == .ended)
    }

    @Test func `an end that nobody takes closes with the pipe`() throws {
        var pipe: Pipe? = try Pipe()
        let reading = try #require(pipe).takeReading()
        pipe = nil
        var buffer: [UInt8] = [0]
        #expect(read(reading, into: &buffer) == .ended)
    }

    private func read(_ end: borrowing Descriptor, into buffer: inout [UInt8]) -> StreamRead {
        buffer.withUnsafeMutableBytes { end.read(into: $0) }
    }
}
