// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Waits for the few descriptors that a command has: one thread, no loop of events.
///
/// Wraps `poll(2)`.
enum Waiting {
    /// What is waited for.
    enum Wish {
        /// Something to read, or an end.
        case readable(CInt)
        /// Room.
        case writable(CInt)
        /// The other side has closed.
        case hungUp(CInt)

        fileprivate var entry: pollfd {
            switch self {
            case .readable(let number): pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            case .writable(let number): pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
            case .hungUp(let number): pollfd(fd: number, events: 0, revents: 0)
            }
        }
    }

    /// Waits until one of them has come or the time has passed.
    ///
    /// - Parameters:
    ///   - wishes: What is waited for.
    ///   - limit: The longest wait; nil for ever.
    /// - Returns: For each whether it has come; an interrupted wait says of none.
    @discardableResult
    static func wait(for wishes: [Wish], within limit: Duration?) -> [Bool] {
        var entries = wishes.map(\.entry)
        // Rounded up, so that nobody asks in a circle during the last millisecond.
        let milliseconds = limit.map { CInt(min(max(0, ($0 / .milliseconds(1)).rounded(.up)), Double(CInt.max))) }
        _ = unsafe poll(&entries, nfds_t(entries.count), milliseconds ?? -1)
        return entries.map { $0.revents != 0 }
    }
}
