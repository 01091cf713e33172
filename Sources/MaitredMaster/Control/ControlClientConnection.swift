// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem

/// One client of the control socket: what it sent, what it has not taken, and how long it may go on so.
final class ControlClientConnection {
    /// The longest request, in bytes.
    static let longestLine = 64 << 10
    /// Pending bytes above which nothing is added; events are a few hundred bytes each, the longest answer comes on top.
    static let pendingLimit = 256 << 10
    /// Requests taken from one client in one turn.
    static let linesPerTurn = 8
    /// To finish a line, the first one included, or to take something of an answer.
    static let patience = Duration.seconds(10)
    /// Between an answer and the next request: longer than any program's interval of asking again.
    static let idleLimit = Duration.seconds(60)

    /// Never used again for another client.
    let id: Int
    /// Its process, 0 when that is in another PID namespace.
    let pid: Int32
    /// Its user.
    let user: UInt32

    private let socket: StreamSocket
    private var input = LineBuffer(longestLine: longestLine)
    private var output = OutputQueue(limit: pendingLimit)

    /// Whether events are sent to it.
    var isSubscribed = false
    /// Requests whose last line of answer is due.
    private var unanswered = 0
    private var linesThisTurn = 0
    private var hasAsked = false
    /// It sends nothing any more.
    private var hasEnded = false
    /// It takes nothing any more either.
    private var isGone = false

    /// What its socket is watched for, nil when not at all.
    private var watched: Readiness?
    private var expectation = Expectation.line
    private var expectedSince: Instant

    /// What a client owes.
    private enum Expectation {
        /// To take what is pending.
        case taking
        /// To finish a line.
        case line
        /// To ask something, or go.
        case request
        /// Nothing: it waits for us.
        case nothing
    }

    /// Wraps a connection that was let in.
    init(id: Int, socket: consuming StreamSocket, pid: Int32, user: UInt32, now: Instant) {
        self.id = id
        self.socket = socket
        self.pid = pid
        self.user = user
        expectedSince = now
    }

    // MARK: - In

    /// Reads once.
    ///
    /// - Parameters:
    ///   - isHungUp: Whether the client has closed: then it takes no answer.
    ///   - buffer: Scratch; its size is the most that is read.
    ///   - now: The time of the master's turn.
    func receive(isHungUp: Bool, into buffer: inout [UInt8], _ now: Instant) {
        if isHungUp { isGone = true }
        guard !input.hasNext, !hasEnded else { return }
        switch socket.read(into: &buffer) {
        case .bytes(let count):
            input.append(buffer[..<count])
            // Only whole lines are progress: who sends a line byte by byte has as long for it as anybody.
            if input.hasNext { expectedSince = now }
        case .ended: hasEnded = true
        case .wouldBlock: break
        }
    }

    /// Whether a request can be taken at once: it waits until the answers before it have been taken.
    var hasRequest: Bool { input.hasNext && output.isEmpty }

    /// Begins a new turn's allowance.
    func beginTurn() {
        linesThisTurn = 0
    }

    /// Takes the next request.
    func nextLine() -> LineBuffer.Next {
        guard hasRequest, linesThisTurn < Self.linesPerTurn else { return .incomplete }
        let next = input.next()
        if case .line = next {
            linesThisTurn += 1
            unanswered += 1
            hasAsked = true
        }
        return next
    }

    // MARK: - Out

    /// Adds a line and writes what there is room for.
    ///
    /// - Parameters:
    ///   - line: Without a newline.
    ///   - isLast: Whether it ends the answer to a request.
    ///   - now: The time of the master's turn.
    /// - Returns: False when too much is pending: the client is to be dropped.
    func send(_ line: [UInt8], isLast: Bool, _ now: Instant) -> Bool {
        if isLast, unanswered > 0 { unanswered -= 1 }
        if isGone { return true }
        guard output.append(line) else { return false }
        flush(now)
        return true
    }

    /// Writes what there is room for.
    func flush(_ now: Instant) {
        guard !output.isEmpty else { return }
        switch output.flush({ socket.write($0) }) {
        case .wrote(let count):
            if count > 0 { expectedSince = now }
        case .closed:
            // What it asked before it left is still done; nobody hears the answers.
            isGone = true
            output = OutputQueue(limit: Self.pendingLimit)
        }
    }

    /// Says a last line to a client that is about to be closed, unless it would end up in the middle of another.
    func sayLast(_ line: [UInt8]) {
        if output.isEmpty { _ = socket.write((line + [UInt8(ascii: "\n")])[...]) }
    }

    // MARK: - Afterwards

    /// Whether nothing is left to do for it.
    var isFinished: Bool {
        guard hasEnded, !input.hasNext else { return false }
        return isGone || output.isEmpty && unanswered == 0 && !isSubscribed
    }

    /// Watches for what matters now.
    func watch(in epoll: borrowing Epoll, _ token: EpollToken) throws(SystemError) {
        var wanted: Readiness = []
        if !output.isEmpty { wanted.insert(.writable) }
        // Whole lines stay in the kernel, and so with the client, until those before them are done.
        if output.isEmpty, !input.hasNext, !hasEnded { wanted.insert(.readable) }
        guard wanted != watched else { return }
        unwatch(in: epoll)
        try epoll.add(socket.descriptor, wanted, token)
        watched = wanted
    }

    /// Watches no longer.
    func unwatch(in epoll: borrowing Epoll) {
        if watched != nil { epoll.remove(socket.descriptor) }
        watched = nil
    }

    /// Finds out what the client owes now; when that is something else than before, its time begins.
    func updateExpectation(_ now: Instant) {
        let current = currentExpectation
        if current != expectation { expectedSince = now }
        expectation = current
    }

    private var currentExpectation: Expectation {
        // Who only listens may stop doing so until the bound on what is pending ends it.
        if !output.isEmpty { return isSubscribed ? .nothing : .taking }
        if input.hasNext || hasEnded { return .nothing }
        if input.hasBegun || !hasAsked { return .line }
        return isSubscribed || unanswered > 0 ? .nothing : .request
    }

    /// When its time is over.
    var deadline: Instant {
        switch expectation {
        case .taking, .line: expectedSince + Self.patience
        case .request: expectedSince + Self.idleLimit
        case .nothing: .never
        }
    }

    /// What it did not do in time.
    var fault: ControlDeparture.Reason {
        switch expectation {
        case .taking: .slow
        case .line: .unfinishedLine
        case .request, .nothing: .idle
        }
    }
}
