// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MaitredSystem
import Synchronization

/// Where lines go, shared by all copies of a handler.
package final class LineSink: Sendable {
    private let output: LineOutput
    private let style: LogLineStyle
    private let drops = Mutex(DropCounter())

    /// Writes lines of a style.
    package init(_ output: consuming LineOutput, style: LogLineStyle) {
        self.output = output
        self.style = style
    }

    /// Writes a line at once, or counts it.
    func write(_ level: Logger.Level, _ body: String) {
        let timestamp = WallClock.timestamp()
        drops.withLock { drops in
            drops.pass(
                line(timestamp, level, body),
                notice: {
                    line(timestamp, .warning, DropCounter.words($0, reason: "standard error was not read in time"))
                },
                to: { output.write($0) }
            )
        }
    }

    private func line(_ timestamp: String, _ level: Logger.Level, _ body: String) -> [UInt8] {
        LogLine.bytes(style, timestamp: timestamp, level: level, body: body, limit: LineOutput.longestLine)
    }
}

/// Logs to standard error in lines for people: "2026-11-22T18:53:46.123+0000 info: worker ready worker=3".
///
/// A line that cannot be written at once is dropped; the next one that can says how many were.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    private let sink: LineSink
    private var attached = LogMetadata()

    /// Logs to a sink from a level up.
    package init(_ sink: LineSink, level: Logger.Level) {
        self.sink = sink
        logLevel = level
    }

    package var metadata: Logger.Metadata {
        get { attached.fixed }
        set { attached.fixed = newValue }
    }

    package var metadataProvider: Logger.MetadataProvider? {
        get { attached.provider }
        set { attached.provider = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { attached.fixed[key] }
        set { attached.fixed[key] = newValue }
    }

    package func log(event: LogEvent) {
        sink.write(event.level, LogText.body(event.message.description, attached.all(for: event)))
    }
}
