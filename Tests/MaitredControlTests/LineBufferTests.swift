// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import Testing

struct LineBufferTests {
    @Test func `a line is given when its newline has come, without it`() {
        var buffer = LineBuffer(longestLine: 100)
        #expect(!buffer.hasBegun)
        buffer.append(bytes("sta"))
        #expect(next(of: &buffer) == .incomplete)
        #expect(buffer.hasBegun && !buffer.hasNext)
        buffer.append(bytes("tus\n"))
        #expect(buffer.hasNext && !buffer.hasBegun)
        #expect(next(of: &buffer) == line("status"))
        #expect(next(of: &buffer) == .incomplete)
        #expect(!buffer.hasBegun)
    }

    @Test func `lines that came together are given one by one, empty ones too`() {
        var buffer = LineBuffer(longestLine: 100)
        buffer.append(bytes("a\n\nbc\nd"))
        #expect(next(of: &buffer) == line("a"))
        #expect(next(of: &buffer) == line(""))
        #expect(next(of: &buffer) == line("bc"))
        #expect(next(of: &buffer) == .incomplete)
        #expect(buffer.hasBegun)
        buffer.append(bytes("\n"))
        #expect(next(of: &buffer) == line("d"))
    }

    @Test(arguments: 1...7)
    func `how the stream was cut makes no difference`(size: Int) {
        let stream = bytes("one\ntwo two\n\n{\"version\":1}\nlast")
        var buffer = LineBuffer(longestLine: 100)
        var lines: [LineBuffer.Next] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            buffer.append(stream[start..<min(start + size, stream.count)])
            while buffer.hasNext { lines.append(buffer.next()) }
        }
        #expect(lines == [line("one"), line("two two"), line(""), line("{\"version\":1}")])
        #expect(buffer.hasBegun)
    }

    @Test func `a line of just the limit fits, one byte more does not`() {
        var buffer = LineBuffer(longestLine: 4)
        buffer.append(bytes("1234"))
        #expect(next(of: &buffer) == .incomplete)
        buffer.append(bytes("\n12345\n"))
        #expect(next(of: &buffer) == line("1234"))
        #expect(next(of: &buffer) == .tooLong)
    }

    @Test func `a line that is too long is known before it ends, and stays the answer`() {
        var buffer = LineBuffer(longestLine: 4)
        buffer.append(bytes("ok\n1234"))
        #expect(next(of: &buffer) == line("ok"))
        #expect(!buffer.hasNext)
        buffer.append(bytes("5"))
        #expect(buffer.hasNext)
        #expect(next(of: &buffer) == .tooLong)
        buffer.append(bytes("\nok\n"))
        #expect(next(of: &buffer) == .tooLong)
    }

    @Test func `bytes that are no text are a line like any other`() {
        var buffer = LineBuffer(longestLine: 300)
        let garbage = (0...255).map { UInt8($0) }.filter { $0 != 10 }
        buffer.append((garbage + [10])[...])
        #expect(next(of: &buffer) == .line(garbage))
    }
}

private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

private func line(_ text: String) -> LineBuffer.Next { .line(Array(text.utf8)) }

/// A free function: the macro cannot call a mutating member.
private func next(of buffer: inout LineBuffer) -> LineBuffer.Next {
    buffer.next()
}
