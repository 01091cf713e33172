// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// Lines that a client has not taken yet, bounded.
package struct OutputQueue: Sendable {
    /// What a flush came to.
    package enum Flush: Equatable, Sendable {
        /// So many bytes were taken; whether any are left says `isEmpty`.
        case wrote(Int)
        /// The client will never take anything.
        case closed
    }

    /// Bytes that may be pending when a line is added: with it, one line more than this is the most that is kept.
    package let limit: Int

    private var bytes: [UInt8] = []
    /// Where the pending bytes begin.
    private var start = 0

    /// - Parameter limit: Pending bytes above which no line is added any more.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes not taken yet.
    package var count: Int { bytes.count - start }

    /// Whether everything was taken.
    package var isEmpty: Bool { count == 0 }

    /// Adds a line and its newline.
    ///
    /// - Parameter line: Without a newline in it.
    /// - Returns: False when more than `limit` bytes are pending already: then nothing was added.
    package mutating func append(_ line: [UInt8]) -> Bool {
        guard count <= limit else { return false }
        // Moved together when half is taken, so that every byte is moved once at most.
        if start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes += line
        bytes.append(UInt8(ascii: "\n"))
        return true
    }

    /// Writes until everything is taken or there is no room.
    ///
    /// - Parameter write: Takes bytes from the front of what it is given, and says how many.
    /// - Returns: How many bytes were taken.
    package mutating func flush(_ write: (ArraySlice<UInt8>) -> StreamWrite) -> Flush {
        var written = 0
        while !isEmpty {
            switch write(bytes[start...]) {
            case .bytes(let count):
                start += count
                written += count
            case .wouldBlock:
                return .wrote(written)
            case .closed:
                return .closed
            }
        }
        bytes = []
        start = 0
        return .wrote(written)
    }
}
