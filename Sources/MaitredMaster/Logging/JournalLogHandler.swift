// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MaitredSystemd
import Synchronization

/// The way into the journal.
///
/// An entry that cannot be sent at once is dropped; the next one that can says how many were.
package final class JournalSink: LogSink {
    private let socket: JournalSocket
    private let drops = Mutex(DropCounter())

    /// Sends entries to a socket.
    package init(_ socket: consuming JournalSocket) {
        self.socket = socket
    }

    package var lostCount: Int { drops.withLock(\.total) }

    package func write(_ level: Logger.Level, _ body: String, _ metadata: Logger.Metadata) {
        let entry = JournalEntry(level, body: body, metadata)
        drops.withLock { drops in
            drops.pass(
                entry,
                notice: {
                    let words = DropCounter.words($0, reason: "the journal did not take them in time")
                    return JournalEntry(.warning, body: words, [:])
                },
                to: { socket.send($0) }
            )
        }
    }
}

/// Logs to the journal with fields: `journalctl MAITRED_WORKER=3` finds everything about worker 3.
///
/// `MESSAGE` has the metadata at its end too, because `journalctl` shows nothing else unless told to.
package typealias JournalLogHandler = SinkLogHandler<JournalSink>

extension JournalEntry {
    /// An entry of ours: what it says, how bad it is, who says it, and the metadata as `MAITRED_…` fields.
    init(_ level: Logger.Level, body: String, _ metadata: Logger.Metadata) {
        self.init()
        add("MESSAGE", body)
        add("PRIORITY", "\(level.syslogPriority)")
        add("SYSLOG_IDENTIFIER", "maitred")
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            add(prefix: "MAITRED_", key: key, "\(value)")
        }
    }
}

extension Logger.Level {
    /// The number of syslog(3): 7 is LOG_DEBUG, 2 is LOG_CRIT.
    var syslogPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
