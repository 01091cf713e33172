// SPDX-License-Identifier: Apache-2.0

/// Reads one HTTP/1 response after the other as its bytes come, and keeps none of a body.
///
/// ```
///            ┌─────────── 1xx ───────────┐
///            v                           │        ┌─> body ────────────────────────────> complete
/// status line ─> fields ─> end of head ──┴────────┼─> until the end ─── end() ─────────> complete
///                                                 ├─> chunk size ─> chunk ─> its end ─┐
///                                                 │       ^  └── 0: trailers ─────────│─> complete
///                                                 │       └───────────────────────────┘
///                                                 └─ 204, 304, length 0 ───────────────> complete
/// ```
///
/// Whatever the bytes, it neither traps nor grows beyond `longestHead`.
struct ResponseParser: Sendable {
    /// What came of some bytes.
    enum Progress: Equatable {
        /// All of them were read, and the response goes on.
        case incomplete
        /// The response ended after so many of them.
        case complete(consumed: Int)
        /// They are no HTTP/1 response.
        case invalid
    }

    /// What the end of a connection means for the response that was being read.
    enum Ending: Equatable {
        /// It is what ends the response.
        case complete
        /// The response is not whole.
        case short
        /// What came is not the beginning of a response.
        case invalid
    }

    /// The most bytes of a head, with those of interim responses before it; also of a chunk's size line, and of trailers.
    static let longestHead = 65_536

    private enum Stage: Equatable {
        case statusLine
        case fields
        case body(left: UInt64)
        case untilEnd
        case chunkSize
        case chunk(left: UInt64)
        case chunkEnd
        case trailers
        case complete
    }

    /// How the head says that the body ends.
    private var framing = BodyFraming()
    private var stage = Stage.statusLine
    /// Bytes of the lines since the last limit was set back.
    private var lineBytes = 0
    /// The beginning of a line whose end has not come yet.
    private var partial: [UInt8] = []

    /// The status, 0 until its line has been read.
    private(set) var status = 0

    /// Whether not one byte of a response has come.
    private(set) var isUntouched = true

    /// Whether the connection may be used again after the response.
    var keepsAlive: Bool { framing.keepsAlive && stage != .untilEnd }

    /// Begins with the next response.
    mutating func reset() {
        framing = BodyFraming()
        stage = .statusLine
        lineBytes = 0
        partial.removeAll(keepingCapacity: true)
        status = 0
        isUntouched = true
    }

    /// Reads on.
    ///
    /// - Parameter bytes: What has come, not empty.
    /// - Returns: How far the response is. After `complete` or `invalid` only `reset` makes sense.
    mutating func consume(_ bytes: Span<UInt8>) -> Progress {
        isUntouched = false
        var position = 0
        while position < bytes.count {
            switch stage {
            case .body(let left):
                let taken = Int(min(left, UInt64(bytes.count - position)))
                position += taken
                stage = left == UInt64(taken) ? .complete : .body(left: left - UInt64(taken))
            case .chunk(let left):
                let taken = Int(min(left, UInt64(bytes.count - position)))
                position += taken
                stage = left == UInt64(taken) ? .chunkEnd : .chunk(left: left - UInt64(taken))
            case .untilEnd:
                return .incomplete
            case .statusLine, .fields, .chunkSize, .chunkEnd, .trailers:
                guard takeLine(bytes, &position) else { return .invalid }
            case .complete:
                return .complete(consumed: position)
            }
        }
        return stage == .complete ? .complete(consumed: position) : .incomplete
    }

    /// What it means that no more bytes will come.
    func end() -> Ending {
        switch stage {
        case .untilEnd, .complete: .complete
        case .statusLine where !StatusLine.mayBegin(with: partial.span): .invalid
        case .statusLine, .fields, .body, .chunkSize, .chunk, .chunkEnd, .trailers: .short
        }
    }

    /// Takes the bytes up to the end of a line and what it says, or all if it does not end there.
    ///
    /// - Returns: False when it makes no sense or is too long.
    private mutating func takeLine(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        let begin = position
        var end = begin
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        let isWhole = end < bytes.count
        position = isWhole ? end + 1 : end
        lineBytes += position - begin
        guard lineBytes <= Self.longestHead else { return false }
        if isWhole, partial.isEmpty { return read(bytes.extracting(begin..<end)) }
        for index in begin..<end { partial.append(bytes[index]) }
        guard isWhole else { return stage != .statusLine || StatusLine.mayBegin(with: partial.span) }
        // Taken out meanwhile, so that its memory can be kept.
        var line: [UInt8] = []
        swap(&line, &partial)
        let makesSense = read(line.span)
        line.removeAll(keepingCapacity: true)
        swap(&line, &partial)
        return makesSense
    }

    /// What a whole line says, without its LF.
    private mutating func read(_ untrimmed: Span<UInt8>) -> Bool {
        let hasReturn = untrimmed.count > 0 && untrimmed[untrimmed.count - 1] == UInt8(ascii: "\r")
        let line = hasReturn ? untrimmed.extracting(0..<untrimmed.count - 1) : untrimmed
        switch stage {
        case .statusLine:
            guard let parsed = StatusLine(line) else { return false }
            status = parsed.status
            framing = BodyFraming(minorVersion: parsed.minorVersion)
            stage = .fields
        case .fields:
            guard line.isEmpty else { return framing.read(field: line) }
            endHead()
        case .chunkSize:
            guard let size = ChunkSize.read(line) else { return false }
            stage = size == 0 ? .trailers : .chunk(left: size)
            lineBytes = 0
        case .chunkEnd:
            guard line.isEmpty else { return false }
            stage = .chunkSize
        case .trailers:
            if line.isEmpty { stage = .complete }
        case .body, .untilEnd, .chunk, .complete:
            preconditionFailure("a body has no lines")
        }
        return true
    }

    private mutating func endHead() {
        switch status {
        case 100..<200 where status != 101:
            stage = .statusLine
            return
        case 101, 204, 304:
            stage = .complete
        default:
            switch framing.end {
            case .chunked: stage = .chunkSize
            case .length(0): stage = .complete
            case .length(let length): stage = .body(left: length)
            case .connection: stage = .untilEnd
            }
        }
        lineBytes = 0
    }
}
