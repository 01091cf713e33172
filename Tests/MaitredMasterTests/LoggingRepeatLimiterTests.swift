// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import Testing

@testable import MaitredMaster

struct LoggingRepeatLimiterTests {
    private typealias Limiter = RepeatLimiter<String>
    private let second: UInt64 = 1_000_000_000

    @Test func `the first few of equal messages pass`() {
        var limiter = Limiter(most: 3)
        let passed = (0..<5).map { limiter.admit("exited", at: $0).passes }
        #expect(passed == [true, true, true, false, false])
    }

    @Test func `different messages do not count for each other`() {
        var limiter = Limiter(most: 1)
        #expect(limiter.admit("a", at: 0).passes)
        #expect(limiter.admit("b", at: 0).passes)
        #expect(!limiter.admit("a", at: 0).passes)
    }

    @Test func `what was held back is said with the first message after the window, whatever it is about`() {
        var limiter = Limiter(most: 2)
        for time in 0..<10 { _ = limiter.admit("exited", at: UInt64(time) * second) }
        #expect(limiter.admit("listening", at: 10 * second - 1) == .init(passes: true, summaries: []))
        let verdict = limiter.admit("other", at: 10 * second)
        #expect(verdict == .init(passes: true, summaries: [.init(key: "exited", count: 8)]))
        #expect(limiter.admit("other", at: 10 * second).summaries.isEmpty, "it is said once")
    }

    @Test func `after the window the same message passes again`() {
        var limiter = Limiter(most: 1)
        _ = limiter.admit("exited", at: 0)
        _ = limiter.admit("exited", at: 1)
        #expect(
            limiter.admit("exited", at: 10 * second) == .init(passes: true, summaries: [.init(key: "exited", count: 1)])
        )
    }

    @Test func `a message that was not held back is not summed up`() {
        var limiter = Limiter(most: 2)
        _ = limiter.admit("exited", at: 0)
        _ = limiter.admit("exited", at: 0)
        #expect(limiter.admit("other", at: 60 * second).summaries.isEmpty)
    }

    @Test func `no more messages are remembered than there is room for, and none is lost from the count`() {
        var limiter = Limiter(most: 1, capacity: 2)
        for _ in 0..<3 { _ = limiter.admit("a", at: 0) }
        _ = limiter.admit("b", at: 1)
        #expect(limiter.admit("c", at: 2).summaries == [.init(key: "a", count: 2)])
        #expect(limiter.admit("a", at: 3).passes)
    }
}

/// Remembers what it is given to log.
private struct RecordingHandler: LogHandler {
    final class Record: Sendable {
        let lines = Mutex<[String]>([])
    }

    let record: Record
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        record.lines.withLock {
            $0.append("\(event.level): \(LogText.body(event.message.description, event.metadata ?? [:]))")
        }
    }
}

struct LoggingRepeatLimitedHandlerTests {
    private let record = RecordingHandler.Record()
    private let clock = Record(0)

    private final class Record: Sendable {
        let time: Mutex<UInt64>
        init(_ time: UInt64) { self.time = Mutex(time) }
    }

    private var log: Logger {
        let clock = clock
        return Logger(label: "test") { _ in
            RepeatLimitedLogHandler(RecordingHandler(record: record), now: { clock.time.withLock { $0 } })
        }
    }

    private var lines: [String] { record.lines.withLock { $0 } }

    @Test func `a crash loop is five lines and a sum`() {
        let log = log
        for id in 1...50 { log.warning("worker \(id) exited", metadata: ["worker": "\(id)", "slot": "2"]) }
        #expect(lines.count == 5)
        clock.time.withLock { $0 = 10_000_000_000 }
        log.notice("stopped")
        #expect(lines[5...] == ["warning: worker # exited … repeated 45 more times slot=2", "notice: stopped"])
    }

    @Test func `slots are told apart`() {
        let log = log
        for slot in 0..<64 { log.info("worker \(slot) ready", metadata: ["slot": "\(slot)"]) }
        #expect(lines.count == 64)
    }

    @Test func `what is no warning and about no slot is never held back`() {
        let log = log
        for open in 0..<20 { log.info("\(open) open") }
        #expect(lines.count == 20)
        for _ in 0..<20 { log.warning("cannot accept") }
        #expect(lines.count == 25)
    }

    @Test func `debug and trace are never held back`() {
        let log = log
        for _ in 0..<20 { log.debug("worker took one", metadata: ["slot": "1"]) }
        #expect(lines.count == 20)
    }

    @Test func `copies of a logger share the count and nothing else`() {
        var first = log
        var second = first
        first.logLevel = .error
        second[metadataKey: "only"] = "here"
        #expect(second.logLevel == .trace)
        #expect(first[metadataKey: "only"] == nil)
        for _ in 0..<3 { first.error("broken") }
        for _ in 0..<3 { second.error("broken") }
        #expect(lines.count == 5)
    }
}
