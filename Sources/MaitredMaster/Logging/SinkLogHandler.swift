// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Where a log goes, shared by all copies of a handler.
package protocol LogSink: Sendable {
    /// Writes an event at once, or counts it and has the next one that can be written say so.
    ///
    /// - Parameters:
    ///   - level: How bad it is.
    ///   - body: What it says, metadata included.
    ///   - metadata: The metadata once more, for sinks with fields.
    func write(_ level: Logger.Level, _ body: String, _ metadata: Logger.Metadata)

    /// Events lost since the start.
    var lostCount: Int { get }
}

/// Logs to a sink: gathers what goes with an event, and keeps what swift-log wants a handler to keep.
package struct SinkLogHandler<Sink: LogSink>: LogHandler {
    package var logLevel: Logger.Level
    private let sink: Sink
    private var attached = LogMetadata()

    /// Logs to a sink from a level up.
    package init(_ sink: Sink, level: Logger.Level) {
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
        let metadata = attached.all(for: event)
        sink.write(event.level, LogText.body(event.message.description, metadata), metadata)
    }
}
