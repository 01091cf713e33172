// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// A client's connection to a master's control socket, which waits: for commands, never the master.
///
/// It deals in lines of bytes; what is in them is nobody's business here.
package struct ControlConnection: ~Copyable {
    /// The longest line that is taken from a master, in bytes: a report of 512 workers has well under one MiB.
    package static let longestLine = 16 << 20

    /// The socket: a caller that waits for other things too polls it, and asks `nextLine(within: .zero)`.
    package let socket: StreamSocket

    private let path: String
    private var input = LineBuffer(longestLine: ControlConnection.longestLine)
    private var chunk = [UInt8](repeating: 0, count: 64 << 10)
    private var hasEnded = false

    /// What waiting for a line came to.
    package enum Answer: Equatable, Sendable {
        /// A line without its newline.
        case line([UInt8])
        /// The master has closed; a line that it did not finish is dropped.
        case ended
        /// None came in time.
        case timedOut
    }

    private init(_ socket: consuming StreamSocket, path: String) {
        self.socket = socket
        self.path = path
    }

    /// Connects to the master that listens at a path.
    ///
    /// - Parameters:
    ///   - path: The control socket.
    ///   - limit: The longest wait, should the master be too busy to accept.
    /// - Throws: In words for whoever typed the command.
    /// - Returns: The connection.
    package static func connect(
        to path: String,
        within limit: Duration = .seconds(5)
    ) throws(ControlConnectionError) -> ControlConnection {
        do throws(SystemError) {
            return ControlConnection(try StreamSocket.connect(to: path, within: limit), path: path)
        } catch {
            throw ControlConnectionError(connecting: error, to: path)
        }
    }

    /// Sends a line.
    ///
    /// A master that refuses this client has closed by now, and its reason waits to be read: that is no error here.
    ///
    /// - Parameters:
    ///   - line: Without a newline in it.
    ///   - limit: The longest wait for the master to take all of it.
    /// - Throws: `noAnswer` when the time passed.
    package func send(_ line: [UInt8], within limit: Duration = .seconds(5)) throws(ControlConnectionError) {
        let deadline = Deadline(limit)
        let bytes = line + [UInt8(ascii: "\n")]
        var rest = bytes[...]
        while !rest.isEmpty {
            switch socket.write(rest) {
            case .bytes(let count):
                rest = rest.dropFirst(count)
            case .wouldBlock:
                guard let milliseconds = deadline.milliseconds else { throw .noAnswer(path: path) }
                socket.waitWritable(milliseconds: milliseconds)
            case .closed:
                return
            }
        }
    }

    /// The next line from the master.
    ///
    /// - Parameter limit: The longest wait, nil for ever; with zero only what is there is looked at.
    /// - Throws: `answerTooLong`.
    /// - Returns: The line, or why there is none.
    package mutating func nextLine(within limit: Duration?) throws(ControlConnectionError) -> Answer {
        let deadline = Deadline(limit)
        while true {
            switch input.next() {
            case .line(let line): return .line(line)
            case .tooLong: throw .answerTooLong(path: path)
            case .incomplete: if hasEnded { return .ended }
            }
            switch socket.read(into: &chunk) {
            case .bytes(let count):
                input.append(chunk[..<count])
            case .ended:
                hasEnded = true
            case .wouldBlock:
                guard let milliseconds = deadline.milliseconds else { return .timedOut }
                socket.waitReadable(milliseconds: milliseconds)
            }
        }
    }
}

/// A moment until which is waited.
private struct Deadline {
    private let end: UInt64?

    /// - Parameter limit: From now on; nil for ever.
    init(_ limit: Duration?) {
        end = limit.map { limit in
            let (seconds, attoseconds) = limit.components
            let nanoseconds = UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
            return MonotonicClock.nanoseconds() + nanoseconds
        }
    }

    /// What is left, rounded up so that nobody asks in a circle; -1 for ever, nil when the time has passed.
    var milliseconds: Int32? {
        guard let end else { return -1 }
        let now = MonotonicClock.nanoseconds()
        return end > now ? Int32(clamping: (end - now + 999_999) / 1_000_000) : nil
    }
}
