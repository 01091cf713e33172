// SPDX-License-Identifier: Apache-2.0

/// Lets only the first few of equal messages through, and says how many it held back; time is an argument.
///
/// The first message of a key opens a window. In it `most` messages pass, the others are counted. The first message of
/// any key after the window's end closes it, and gets the count.
struct RepeatLimiter<Key: Hashable & Sendable>: Sendable {
    /// Messages that were held back in a window that is over.
    struct Summary: Equatable, Sendable {
        /// Which message.
        let key: Key
        /// How often it came without being let through, at least 1.
        let count: Int
    }

    /// What to do with a message.
    struct Verdict: Equatable, Sendable {
        /// Whether it is to be logged.
        let passes: Bool
        /// What is to be said before it.
        let summaries: [Summary]
    }

    private struct Opening: Sendable {
        let key: Key
        let time: UInt64
    }

    private let most: Int
    private let length: UInt64
    private let capacity: Int

    /// The open windows, the oldest first.
    private var openings: [Opening] = []

    /// How many messages came in each open window.
    private var seen: [Key: Int] = [:]

    /// - Parameters:
    ///   - most: How many equal messages pass in a window.
    ///   - seconds: How long a window is.
    ///   - capacity: How many different messages are remembered; the oldest is forgotten for a new one.
    init(most: Int = 5, seconds: UInt64 = 10, capacity: Int = 1024) {
        precondition(most > 0 && capacity > 0, "a limiter that lets nothing through or remembers nothing")
        self.most = most
        length = seconds * 1_000_000_000
        self.capacity = capacity
    }

    /// Decides about a message.
    ///
    /// - Parameters:
    ///   - key: Which message.
    ///   - now: Nanoseconds of a clock that never goes back.
    /// - Returns: Whether it passes, and what is to be said before it.
    mutating func admit(_ key: Key, at now: UInt64) -> Verdict {
        var summaries = closeEnded(at: now)
        if let before = seen[key] {
            seen[key] = before + 1
            return Verdict(passes: before < most, summaries: summaries)
        }
        if openings.count == capacity { summaries += close(1) }
        openings.append(Opening(key: key, time: now))
        seen[key] = 1
        return Verdict(passes: true, summaries: summaries)
    }

    /// Closes the windows that are over, for a message that is not to be limited.
    mutating func closeEnded(at now: UInt64) -> [Summary] {
        close(openings.firstIndex { now - $0.time < length } ?? openings.count)
    }

    /// Forgets the oldest windows.
    private mutating func close(_ count: Int) -> [Summary] {
        var summaries: [Summary] = []
        for opening in openings.prefix(count) {
            guard let all = seen.removeValue(forKey: opening.key), all > most else { continue }
            summaries.append(Summary(key: opening.key, count: all - most))
        }
        openings.removeFirst(count)
        return summaries
    }
}
