// SPDX-License-Identifier: Apache-2.0

/// Lines put together from the bytes of a stream, however those were cut.
///
/// Bounded by its user: who appends only while `hasNext` is false keeps at most one line and one append in memory.
package struct LineBuffer: Sendable {
    /// What is next.
    package enum Next: Equatable, Sendable {
        /// A line without its newline.
        case line([UInt8])
        /// A line longer than the limit: nothing behind it can be understood any more, and this stays the answer.
        case tooLong
        /// No whole line is there.
        case incomplete
    }

    /// The longest line in bytes, its newline not counted.
    package let longestLine: Int

    private var bytes: [UInt8] = []
    /// Where the next line begins.
    private var start = 0
    /// Everything before it has been searched for the end of the next line.
    private var searched = 0
    /// The newline that ends the next line.
    private var end: Int?

    /// - Parameter longestLine: In bytes, the newline not counted.
    package init(longestLine: Int) {
        self.longestLine = longestLine
    }

    /// Adds what was received.
    package mutating func append(_ received: ArraySlice<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            searched -= start
            end = end.map { $0 - start }
            start = 0
        }
        bytes += received
        search()
    }

    /// Whether `next()` would give something.
    package var hasNext: Bool { end != nil || isTooLong }

    /// Whether a line has begun and not ended.
    package var hasBegun: Bool { end == nil && start < bytes.count }

    /// Takes the next line.
    package mutating func next() -> Next {
        if isTooLong { return .tooLong }
        guard let end else { return .incomplete }
        let line = Array(bytes[start..<end])
        start = end + 1
        self.end = nil
        if start == bytes.count {
            // A client that is quiet holds no memory.
            bytes = []
            start = 0
        }
        searched = start
        search()
        return .line(line)
    }

    private var isTooLong: Bool { (end ?? bytes.count) - start > longestLine }

    private mutating func search() {
        guard end == nil else { return }
        end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n"))
        searched = end ?? bytes.count
    }
}
