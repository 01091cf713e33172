// SPDX-License-Identifier: Apache-2.0

/// Cuts what a worker writes into lines, whatever pieces it was read in.
///
/// Bytes are passed on as they are, carriage returns, zeros and what is no UTF-8 included. A line is held back until it
/// is complete: a clock that lets part of it go would tear the lines of programs that write slowly.
struct LineAssembler {
    /// The most bytes held: what is longer is passed on in pieces.
    static let longestPiece = 8 << 10

    private static let newline = UInt8(ascii: "\n")

    /// The beginning of a line whose end has not come.
    private var held: [UInt8] = []
    /// Whether a piece of that line is gone already.
    private var isContinuation = false

    /// Takes what was read.
    ///
    /// - Parameters:
    ///   - bytes: What the worker wrote next.
    ///   - emit: Gets each line without its newline, or a piece of one, and whether it goes on where the last one ended.
    mutating func append(_ bytes: ArraySlice<UInt8>, to emit: (ArraySlice<UInt8>, Bool) -> Void) {
        var rest = bytes
        while let end = rest.firstIndex(of: Self.newline) {
            hold(rest[..<end], emit)
            release(emit)
            rest = rest[(end + 1)...]
        }
        hold(rest, emit)
    }

    /// Nothing more will come: lets go of a line that never got its newline.
    mutating func finish(to emit: (ArraySlice<UInt8>, Bool) -> Void) {
        if !held.isEmpty { release(emit) }
    }

    /// Keeps at most a piece, and at least a byte of a line that goes on: no empty piece follows a full one.
    private mutating func hold(_ part: ArraySlice<UInt8>, _ emit: (ArraySlice<UInt8>, Bool) -> Void) {
        held += part
        while held.count > Self.longestPiece {
            let end = cut
            emit(held[..<end], isContinuation)
            isContinuation = true
            held.removeFirst(end)
        }
    }

    private mutating func release(_ emit: (ArraySlice<UInt8>, Bool) -> Void) {
        emit(held[...], isContinuation)
        isContinuation = false
        held.removeAll(keepingCapacity: true)
    }

    /// Where a piece ends: before a character that would be cut in two, which has at most three bytes before its last.
    private var cut: Int {
        let limit = Self.longestPiece
        return (limit - 3...limit).last { held[$0] & 0xC0 != 0x80 } ?? limit
    }
}

/// What is written around each line of a worker on a terminal: "worker 3 | text".
struct LinePrefix {
    /// One colour per slot, so that a successor looks like the worker it follows: codes of ECMA-48's SGR.
    ///
    /// Neither red, which means trouble, nor black and white, one of which is the background.
    private static let colors = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]

    private static let escape: UInt8 = 0x1B
    private static let reset = Array("\u{1B}[0m".utf8)

    /// Before the beginning of a line.
    private let first: [UInt8]
    /// Before a piece that goes on where the last one ended.
    private let further: [UInt8]

    /// What marks a worker's lines.
    init(id: Int, slot: Int, isColored: Bool) {
        let color = "\u{1B}[\(Self.colors[slot % Self.colors.count])m"
        let (begin, end) = isColored ? (color, "\u{1B}[0m") : ("", "")
        first = Array("\(begin)worker \(id) |\(end) ".utf8)
        further = Array("\(begin)worker \(id) +\(end) ".utf8)
    }

    /// Adds a line with its prefix and a newline.
    ///
    /// What a program has changed with control sequences ends with its line, before the newline that would carry a
    /// background colour into the next.
    func write(_ line: ArraySlice<UInt8>, isContinuation: Bool, to output: inout [UInt8]) {
        output += isContinuation ? further : first
        output += line
        if line.contains(Self.escape) { output += Self.reset }
        output.append(UInt8(ascii: "\n"))
    }
}
