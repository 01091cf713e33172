// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import Logging
import MaitredSystem
import Testing

@testable import MaitredMaster

/// Both ends of a pipe or a socket pair that plays standard error.
private final class Ends {
    let reading: CInt
    let writing: CInt

    private init(_ numbers: [CInt]) {
        reading = numbers[0]
        writing = numbers[1]
    }

    static func pipe() -> Ends {
        var numbers: [CInt] = [-1, -1]
        #expect(Glibc.pipe(&numbers) == 0)
        return Ends(numbers)
    }

    static func sockets() -> Ends {
        var numbers: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &numbers) == 0)
        return Ends(numbers)
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// Everything that was written so far.
    func text() -> String {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var result: [UInt8] = []
        var entry = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 0) == 1 {
            let length = read(reading, &buffer, buffer.count)
            guard length > 0 else { break }
            result += buffer.prefix(length)
        }
        return String(decoding: result, as: UTF8.self)
    }

    func logger(_ level: Logger.Level = .info) -> Logger {
        let sink = LineSink(LineOutput(number: writing), style: .dated)
        return Logger(label: "test") { _ in LineLogHandler(sink, level: level) }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct LoggingLineHandlerTests {
    @Test func `a line has time, level, message and metadata`() throws {
        let ends = Ends.pipe()
        var log = ends.logger()
        log[metadataKey: "part"] = "loop"
        log.info("worker ready", metadata: ["worker": "3"])
        log.debug("not asked for")
        let text = ends.text()
        #expect(
            text.wholeMatch(
                of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} info: worker ready part=loop worker=3\n/#
            ) != nil
        )
    }

    /// With a blocking write this test would reach its time limit: nobody reads while it logs.
    @Test(arguments: ["pipe", "socket"])
    func `lines that nobody reads are dropped, counted, and that is said once there is room`(kind: String) throws {
        let ends = kind == "pipe" ? Ends.pipe() : Ends.sockets()
        let log = ends.logger()
        let sent = 20_000
        for number in 1...sent { log.info("line \(number)") }

        let taken = ends.text().split(separator: "\n")
        #expect(taken.count < sent)
        for (index, line) in taken.enumerated() { #expect(line.hasSuffix(" info: line \(index + 1)")) }

        log.info("and on")
        let rest = ends.text().split(separator: "\n")
        try #require(rest.count == 2)
        let lost = sent - taken.count
        #expect(rest[0].hasSuffix(" warning: \(lost) log lines dropped: standard error was not read in time"))
        #expect(rest[1].hasSuffix(" info: and on"))
    }

    /// The other descriptors of the same pipe belong to workers: their writes must go on waiting if they want to.
    @Test func `the flags of the shared open file are left alone`() {
        let ends = Ends.pipe()
        ends.logger().info("x")
        #expect(fcntl(ends.writing, F_GETFL) & O_NONBLOCK == 0)
    }

    /// Asking for room and then writing is not enough: somebody else may fill the pipe in between.
    @Test func `what is written to is an open file of its own that does not block`() {
        let ends = Ends.pipe()
        let output = LineOutput(number: ends.writing)
        #expect(output.write(Array("x\n".utf8)) == true)
        #expect(ends.text() == "x\n")
        let own = copies(of: ends.writing).subtracting([ends.reading, ends.writing])
        #expect(own.count == 1)
        for number in own {
            #expect(fcntl(number, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        }
        _ = consume output
        #expect(copies(of: ends.writing) == [ends.reading, ends.writing])
    }

    @Test func `a file takes every line`() throws {
        let path = "/tmp/maitred-test-log-\(getpid())"
        let number = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer {
            close(number)
            unlink(path)
        }
        let sink = LineSink(LineOutput(number: number), style: .dated)
        let log = Logger(label: "test") { _ in LineLogHandler(sink, level: .info) }
        for _ in 0..<1000 { log.info("x") }
        var status = stat()
        fstat(number, &status)
        #expect(Int(status.st_size) == 1000 * "2026-11-22T18:53:46.123+0000 info: x\n".utf8.count)
    }

    @Test func `a pipe without a reader and a closed descriptor lose lines and nothing else`() {
        var numbers: [CInt] = [-1, -1]
        #expect(pipe(&numbers) == 0)
        close(numbers[0])
        let output = LineOutput(number: numbers[1])
        #expect(output.write([10]) == false)
        close(numbers[1])
        let closed = LineOutput(number: -1)
        #expect(closed.write([10]) == false)
    }

    @Test func `no line is longer than a pipe takes whole`() {
        let ends = Ends.pipe()
        ends.logger().info("\(String(repeating: "x", count: 10_000))")
        let text = ends.text()
        #expect(text.utf8.count == LineOutput.longestLine)
        #expect(text.hasSuffix("x…\n"))
    }

    /// The numbers of all descriptors of this process for the same pipe.
    private func copies(of number: CInt) -> Set<CInt> {
        let identity = FileIdentity.ofDescriptor(number)
        return Set((0..<1024).filter { FileIdentity.ofDescriptor($0) == identity })
    }
}

struct LoggingDropCounterTests {
    @Test func `lines stay in order: none is tried while the notice cannot be said`() {
        var counter = DropCounter()
        var tried: [String] = []
        func pass(_ line: String, room: Int) {
            var room = room
            let write = { (line: String) in
                tried.append(line)
                room -= 1
                return room >= 0
            }
            counter.pass(line, notice: { "lost \($0)" }, to: write)
        }
        pass("a", room: 9)
        pass("b", room: 0)
        pass("c", room: 0)
        #expect(counter.count == 2)
        pass("d", room: 1)
        #expect(counter.count == 1, "the notice took the room, the line is the first of the next count")
        pass("e", room: 2)
        #expect(tried == ["a", "b", "lost 1", "lost 2", "d", "lost 1", "e"])
        #expect(counter.count == 0)
    }

    @Test func `one line is one line`() {
        #expect(DropCounter.words(1, reason: "full") == "1 log line dropped: full")
        #expect(DropCounter.words(2, reason: "full") == "2 log lines dropped: full")
    }
}
