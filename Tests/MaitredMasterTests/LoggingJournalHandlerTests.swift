// SPDX-License-Identifier: Apache-2.0

import Logging
import MaitredSystemd
import MaitredTesting
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(1)))
struct LoggingJournalHandlerTests {
    private func logger(to journal: DatagramReceiver) throws -> Logger {
        let sink = JournalSink(try JournalSocket(path: journal.address))
        return Logger(label: "test") { _ in JournalLogHandler(sink, level: .info) }
    }

    @Test func `an entry has the message, the priority, who says it, and a field per metadata`() throws {
        let journal = try DatagramReceiver()
        let log = try logger(to: journal)
        log.warning("worker exited", metadata: ["worker": "3", "exit-status": "exit code 1"])
        log.debug("not asked for")
        #expect(
            journal.nextText() == """
                MESSAGE=worker exited exit-status="exit code 1" worker=3
                PRIORITY=4
                SYSLOG_IDENTIFIER=maitred
                MAITRED_EXIT_STATUS=exit code 1
                MAITRED_WORKER=3

                """
        )
        #expect(journal.nextText() == nil)
    }

    @Test func `a newline is a value's own affair`() throws {
        let journal = try DatagramReceiver()
        try logger(to: journal).error("broken", metadata: ["output": "a\nPRIORITY=7"])
        let text = try #require(journal.nextText())
        #expect(text.hasPrefix("MESSAGE=broken output=a\\nPRIORITY=7\nPRIORITY=3\n"))
        #expect(text.hasSuffix("MAITRED_OUTPUT\n\u{C}\0\0\0\0\0\0\0a\nPRIORITY=7\n"))
    }

    @Test(arguments: [
        (Logger.Level.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
    ])
    func `levels are the priorities of syslog`(level: Logger.Level, priority: Int) {
        #expect(level.syslogPriority == priority)
    }

    /// With a blocking send this test would reach its time limit: nobody reads while it logs.
    @Test func `entries that journald does not take are dropped, counted, and that is said once there is room`() throws
    {
        let journal = try DatagramReceiver()
        let log = try logger(to: journal)
        let sent = 5000
        for number in 1...sent { log.info("line \(number)") }
        var taken = 0
        while let text = journal.nextText() {
            taken += 1
            #expect(text.hasPrefix("MESSAGE=line \(taken)\n"))
        }
        #expect(taken < sent)

        log.info("and on")
        let lost = "\(sent - taken) log lines dropped: the journal did not take them in time"
        #expect(journal.nextText() == "MESSAGE=\(lost)\nPRIORITY=4\nSYSLOG_IDENTIFIER=maitred\n")
        #expect(journal.nextText()?.hasPrefix("MESSAGE=and on\n") == true)
    }
}
