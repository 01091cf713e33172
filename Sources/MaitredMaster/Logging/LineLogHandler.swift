// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MaitredSystem
import Synchronization

/// Standard error, in lines.
///
/// A line that cannot be written at once is dropped; the next one that can says how many were.
package final class LineSink: LogSink {
    private let output: LineOutput
    private let style: LogLineStyle
    private let drops = Mutex(DropCounter())

    // SAFETY: written before the master's loop runs, and read by the loop's thread: the master logs from no other.
    private nonisolated(unsafe) var otherWriter: (([UInt8]) -> Bool)?

    /// Writes lines of a style.
    package init(_ output: consuming LineOutput, style: LogLineStyle) {
        self.output = output
        self.style = style
    }

    package func write(_ level: Logger.Level, _ body: String, _ metadata: Logger.Metadata) {
        let timestamp = WallClock.timestamp()
        drops.withLock { drops in
            drops.pass(
                line(timestamp, level, body),
                notice: {
                    line(timestamp, .warning, DropCounter.words($0, reason: "standard error was not read in time"))
                },
                to: { unsafe otherWriter?($0) ?? output.write($0) }
            )
        }
    }

    /// Has somebody else write the lines from now on, who writes to the same place: only one knows where a line ends.
    func divert(to writer: @escaping ([UInt8]) -> Bool) {
        unsafe otherWriter = writer
    }

    package var lostCount: Int { drops.withLock(\.total) }

    private func line(_ timestamp: String, _ level: Logger.Level, _ body: String) -> [UInt8] {
        LogLine.bytes(style, timestamp: timestamp, level: level, body: body, limit: LineOutput.longestLine)
    }
}

/// Logs to standard error in lines for people: "2026-11-22T18:53:46.123+0000 info: worker ready worker=3".
package typealias LineLogHandler = SinkLogHandler<LineSink>
