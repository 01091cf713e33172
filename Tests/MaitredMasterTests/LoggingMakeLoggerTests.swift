// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import MaitredConfig
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(1)))
struct LoggingMakeLoggerTests {
    @Test func `every level that can be set is one of swift-log's`() {
        for level in LogLevel.allCases { #expect(Logger.Level(level).rawValue == level.rawValue) }
    }

    /// Standard error belongs to the whole process, so this runs in one of its own.
    @Test func `without a journal lines go to standard error`() async throws {
        let result = try await #require(
            processExitsWith: .success,
            observing: [\.standardErrorContent]
        ) {
            var log = makeLogger(label: "test", level: .notice, environment: ["JOURNAL_STREAM": "1:1"]).logger
            log.notice("said", metadata: ["worker": "3"])
            log.info("not asked for")
            log.logLevel = .info
            log.info("asked for")
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains(" notice: said worker=3\n"))
        #expect(text.contains(" info: asked for\n"))
        #expect(!text.contains("not asked for"))
    }
}
