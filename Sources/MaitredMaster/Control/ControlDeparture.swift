// SPDX-License-Identifier: Apache-2.0

/// A client that the master closed, or did not let in: for the log.
struct ControlDeparture: Equatable, Sendable {
    /// Why.
    enum Reason: Equatable, Sendable {
        /// It was not let in.
        case refused(ControlRefusal)
        /// It sent a line that is too long.
        case lineTooLong
        /// It began a line, or connected, and sent no whole line in time.
        case unfinishedLine
        /// It asked nothing for long.
        case idle
        /// It did not take its answer in time.
        case slow
        /// It left more untaken than is kept for it.
        case overflow
    }

    /// The client's number, nil when it never got one.
    let client: Int?
    /// Its process, 0 when that is in another PID namespace.
    let pid: Int32
    /// Its user.
    let user: UInt32
    /// Why it is gone.
    let reason: Reason
}

/// What became of clients since the start.
struct ControlCounts: Equatable, Sendable {
    /// Let in.
    var accepted: UInt64 = 0
    /// Not let in, by who they are.
    var refused: UInt64 = 0
    /// Not let in, because there were too many.
    var turnedAway: UInt64 = 0
    /// Closed because of the bound on what is kept for them.
    var overflows: UInt64 = 0
    /// Closed for another fault: too long a line, or too slow.
    var faults: UInt64 = 0
}

extension ControlDeparture.Reason {
    /// What the client is told before it is closed, never with anything in it that a client sent; nil when it would not read it.
    var words: String? {
        switch self {
        case .refused(let refusal): refusal.words
        case .lineTooLong: "the line is longer than 65536 bytes"
        case .unfinishedLine: "no whole line came within 10 s"
        case .idle: "nothing was asked for 60 s"
        case .slow, .overflow: nil
        }
    }

    /// The line that says so: the one shape of an answer that this side of the protocol makes itself.
    var line: [UInt8]? {
        words.map { Array(#"{"version":1,"ok":false,"error":"\#($0)"}"#.utf8) }
    }
}
