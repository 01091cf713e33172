// SPDX-License-Identifier: Apache-2.0

package import Logging
import MaitredSystem
import Synchronization

/// What makes two messages the same one for the limit on repetitions.
struct RepeatKey: Hashable, Sendable {
    /// Metadata under this key keeps messages apart.
    static let distinguishing = "slot"

    /// How bad it is.
    let level: Logger.Level
    /// The message with `#` for each number: "worker # exited: exit code #".
    let text: String
    /// The slot that it is about, if it is about one.
    let slot: String?

    /// The key of an event.
    init(_ event: LogEvent) {
        level = event.level
        text = Self.withoutNumbers(event.message.description)
        slot = event.metadata?[Self.distinguishing].map { "\($0)" }
    }

    /// What is logged instead of the messages that were held back.
    func summary(_ count: Int, like event: LogEvent) -> LogEvent {
        var summary = event
        summary.level = level
        summary.message = "\(text) … repeated \(count == 1 ? "once more" : "\(count) more times")"
        summary.metadata = slot.map { [Self.distinguishing: "\($0)"] }
        summary.error = nil
        return summary
    }

    private static func withoutNumbers(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                result.append(byte)
                continue
            }
            if result.last != UInt8(ascii: "#") { result.append(UInt8(ascii: "#")) }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// Keeps a crash loop from filling the log: of messages that say the same, 5 in 10 s reach the other handler.
///
/// The same is what has the same level and text, whatever the numbers in it, and is about the same slot: a worker that
/// keeps crashing gets a new number each time, while the start of 64 workers is 64 different messages. What was held
/// back is said with the next line after the 10 s, whatever that line is about.
///
/// Never held back: debug and trace, because who asks for them wants all, and what is no warning and about no slot,
/// such as the line that `--status-interval` asks for.
package struct RepeatLimitedLogHandler<Base: LogHandler>: LogHandler {
    /// What all copies of a handler share.
    private final class Memory: Sendable {
        let limiter = Mutex(RepeatLimiter<RepeatKey>())
    }

    private var base: Base
    private let memory = Memory()
    private let now: @Sendable () -> UInt64

    /// Wraps a handler.
    ///
    /// - Parameters:
    ///   - base: What gets the lines that pass.
    ///   - now: Nanoseconds of a clock that never goes back.
    package init(_ base: Base, now: @escaping @Sendable () -> UInt64 = { MonotonicClock.nanoseconds() }) {
        self.base = base
        self.now = now
    }

    package var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }

    package var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    package var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    package func log(event: LogEvent) {
        let key = RepeatKey(event)
        let isLimited = event.level >= .warning || event.level >= .info && key.slot != nil
        let verdict = memory.limiter.withLock { limiter in
            isLimited
                ? limiter.admit(key, at: now())
                : RepeatLimiter.Verdict(passes: true, summaries: limiter.closeEnded(at: now()))
        }
        for summary in verdict.summaries where summary.key.level >= logLevel {
            base.log(event: summary.key.summary(summary.count, like: event))
        }
        if verdict.passes { base.log(event: event) }
    }
}
