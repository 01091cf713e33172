// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem

/// A terminal, and what it had no room for yet.
///
/// What waits is bounded: pipes are read only while it is empty (`OutputRelay`), and the master's own lines are added up
/// to `mostBeforeOwnLine`.
final class OutputSink {
    /// Bytes that may wait before a line of the master's own: a few hundred lines, as they come when everything ends.
    private static let mostBeforeOwnLine = 64 << 10

    private let terminal: TerminalOutput
    private let token: EpollToken
    /// Lines in order, of which the first `written` bytes are gone.
    private var waiting: [UInt8] = []
    private var written = 0
    private var isGone = false

    /// Whether the workers' pipes rest until there is room again.
    private(set) var isFull = false

    /// Prepares a terminal; `token` is the relay's for it.
    init(_ terminal: consuming TerminalOutput, token: EpollToken, in epoll: borrowing Epoll) throws(SystemError) {
        self.terminal = terminal
        self.token = token
        try epoll.add(self.terminal.descriptor, [.edge], token)
    }

    /// Adds a line.
    func add(_ line: ArraySlice<UInt8>, isContinuation: Bool, prefix: LinePrefix) {
        prefix.write(line, isContinuation: isContinuation, to: &waiting)
    }

    /// Adds a line of the master's own, whole, behind what waits.
    ///
    /// - Returns: false when too much waits: then it is lost.
    func add(_ line: [UInt8]) -> Bool {
        guard waiting.count - written <= Self.mostBeforeOwnLine else { return false }
        waiting += line
        return true
    }

    /// Writes what there is room for; a terminal that is gone takes everything.
    ///
    /// - Returns: Whether `isFull` has changed.
    func flush(_ epoll: borrowing Epoll) -> Bool {
        while written < waiting.count, !isGone {
            switch terminal.write(waiting[written...]) {
            case .bytes(let count): written += count
            case .wouldBlock: return setFull(true, epoll)
            case .closed: isGone = true
            }
        }
        waiting.removeAll(keepingCapacity: true)
        written = 0
        return setFull(false, epoll)
    }

    /// Asks to be told of room, or of nothing: edge-triggered, because a hang-up would be reported again and again.
    private func setFull(_ value: Bool, _ epoll: borrowing Epoll) -> Bool {
        guard value != isFull else { return false }
        isFull = value
        epoll.mustModify(terminal.descriptor, value ? [.writable] : [.edge], token)
        return true
    }
}

extension Epoll {
    /// Changes what is reported of a descriptor that is watched: that takes no memory and cannot fail.
    func mustModify(_ watched: borrowing Descriptor, _ readiness: Readiness, _ token: EpollToken) {
        do throws(SystemError) {
            try modify(watched, readiness, token)
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
