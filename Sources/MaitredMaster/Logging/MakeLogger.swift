// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MaitredConfig
import MaitredSystem
import MaitredSystemd

/// Where the master logs to.
package struct MasterLog {
    /// The logger; its copies share one place to write to.
    package let logger: Logger

    /// Lines that could not be written since the start.
    package let lostCount: () -> Int

    /// Has somebody else write the lines from now on, as a line writer does: at once, or false and it is lost.
    ///
    /// Without effect on a logger that does not write lines.
    let divert: (@escaping ([UInt8]) -> Bool) -> Void

    /// A logger of which nobody knows what it loses.
    package init(
        _ logger: Logger,
        divert: @escaping (@escaping ([UInt8]) -> Bool) -> Void = { _ in },
        lostCount: @escaping () -> Int = { 0 }
    ) {
        self.logger = logger
        self.divert = divert
        self.lostCount = lostCount
    }
}

/// A logger for the master: to the journal if standard error is the journal, in lines on standard error otherwise.
///
/// Nothing it does waits for a reader. Standard error must be open (`openStandardDescriptors`) before, and stay what it is.
///
/// - Parameters:
///   - label: swift-log's name for the logger.
///   - level: The least important level that is logged.
///   - environment: Where systemd and the terminal have left their variables.
/// - Returns: The logger, and what it loses.
package func makeLogger(label: String, level: Logger.Level, environment: [String: String]) -> MasterLog {
    let standardError: CInt = 2
    if Journal.isStream(standardError, environment: environment), let sink = journalSink() {
        return masterLog(label: label, sink, level: level)
    }
    let output = LineOutput(number: standardError)
    let style = output.isTerminal ? LogLineStyle.terminal(environment: environment) : .dated
    let sink = LineSink(output, style: style)
    return masterLog(label: label, sink, level: level, divert: sink.divert(to:))
}

private func masterLog(
    label: String,
    _ sink: some LogSink,
    level: Logger.Level,
    divert: @escaping (@escaping ([UInt8]) -> Bool) -> Void = { _ in }
) -> MasterLog {
    let logger = Logger(label: label) { _ in RepeatLimitedLogHandler(SinkLogHandler(sink, level: level)) }
    return MasterLog(logger, divert: divert) { sink.lostCount }
}

/// The journal, nil where its socket is out of reach: then the stream that standard error is still takes lines.
private func journalSink() -> JournalSink? {
    do throws(SystemError) {
        return JournalSink(try JournalSocket())
    } catch {
        return nil
    }
}

extension Logger.Level {
    /// The level that a setting names.
    package init(_ level: LogLevel) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .critical
        }
    }
}
