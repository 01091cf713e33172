// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import Testing

@testable import MaitredMaster

struct WorkerOutputLinesTests {
    /// A line, or a piece that goes on where the last one ended.
    private struct Piece: Equatable {
        let bytes: [UInt8]
        let isContinuation: Bool

        init(_ bytes: some Sequence<UInt8>, _ isContinuation: Bool = false) {
            self.bytes = Array(bytes)
            self.isContinuation = isContinuation
        }

        init(_ text: String) {
            self.init(text.utf8)
        }
    }

    private func pieces(of parts: [[UInt8]], isFinished: Bool = true) -> [Piece] {
        var lines = LineAssembler()
        var found: [Piece] = []
        for part in parts { lines.append(part[...]) { found.append(Piece($0, $1)) } }
        if isFinished { lines.finish { found.append(Piece($0, $1)) } }
        return found
    }

    private func pieces(of texts: String..., isFinished: Bool = true) -> [Piece] {
        pieces(of: texts.map { Array($0.utf8) }, isFinished: isFinished)
    }

    @Test func `lines are found wherever reads have cut them`() {
        #expect(pieces(of: "a\nbc\n") == [Piece("a"), Piece("bc")])
        #expect(pieces(of: "a", "\n", "b", "c", "\nd\n") == [Piece("a"), Piece("bc"), Piece("d")])
    }

    @Test func `empty lines are lines`() {
        #expect(pieces(of: "\n\na\n\n") == [Piece(""), Piece(""), Piece("a"), Piece("")])
    }

    @Test func `a line without newline waits for the end`() {
        #expect(pieces(of: "a\nb", isFinished: false) == [Piece("a")])
        #expect(pieces(of: "a\nb") == [Piece("a"), Piece("b")])
        #expect(pieces(of: "a\n") == [Piece("a")])
        #expect(pieces(of: "") == [])
    }

    @Test func `carriage returns, zeros and what is no UTF-8 stay as they are`() {
        let odd: [UInt8] = [0, 0xFF, 0xC3, 0x80, 0x80, 0x1B, 9, 13]
        #expect(pieces(of: [odd + [10]]) == [Piece(odd)])
    }

    @Test func `a line of the longest length is one piece, and a longer one goes on in the next`() {
        let longest = LineAssembler.longestPiece
        let x = UInt8(ascii: "x")
        let exact = [UInt8](repeating: x, count: longest)
        #expect(pieces(of: [exact + [10]]) == [Piece(exact)])
        #expect(pieces(of: [exact, [x, 10]]) == [Piece(exact), Piece([x], true)])
        #expect(pieces(of: [exact + exact, [x], [10], [x, 10]]).map(\.bytes.count) == [longest, longest, 1, 1])
        #expect(pieces(of: [exact + exact, [x], [10], [x, 10]]).map(\.isContinuation) == [false, true, true, false])
    }

    @Test(arguments: 1...4)
    func `no character is cut in two`(offset: Int) throws {
        let text = String(repeating: "x", count: offset) + String(repeating: "\u{1F37D}", count: 5000)
        let found = pieces(of: text)
        #expect(found.count == 3)
        #expect(found.allSatisfy { String(validating: $0.bytes, as: UTF8.self) != nil })
        #expect(found.flatMap(\.bytes) == Array(text.utf8))
    }

    @Test func `what is nothing but the middle of characters is cut all the same`() {
        let bytes = [UInt8](repeating: 0x80, count: LineAssembler.longestPiece + 5)
        #expect(pieces(of: [bytes]).map(\.bytes.count) == [LineAssembler.longestPiece, 5])
    }

    @Test func `whatever the cuts, the same bytes come out in the same lines`() {
        var random = SeededRandom(seed: 7)
        let bytes = (0..<100_000).map { _ -> UInt8 in
            Int.random(in: 0..<200, using: &random) == 0 ? 10 : UInt8.random(in: 0...255, using: &random)
        }
        let whole = pieces(of: [bytes])
        #expect(whole.map(\.bytes).joined(separator: [10]).elementsEqual(bytes.last == 10 ? bytes.dropLast() : bytes))
        for longest in [1, 7, 4096] {
            var parts: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...longest, using: &random)
                parts.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(pieces(of: parts) == whole)
        }
    }
}

struct WorkerOutputPrefixTests {
    private func written(
        _ text: String,
        slot: Int = 0,
        isColored: Bool = false,
        isContinuation: Bool = false
    ) -> String {
        var output: [UInt8] = []
        let prefix = LinePrefix(id: 3, slot: slot, isColored: isColored)
        prefix.write(Array(text.utf8)[...], isContinuation: isContinuation, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `a line has the worker's name before it, and a piece that goes on is marked`() {
        #expect(written("text") == "worker 3 | text\n")
        #expect(written("text", isContinuation: true) == "worker 3 + text\n")
        #expect(written("") == "worker 3 | \n")
    }

    @Test func `the name has the colour of the slot, and neighbours have different ones`() {
        #expect(written("text", isColored: true) == "\u{1B}[36mworker 3 |\u{1B}[0m text\n")
        #expect(Set((0..<10).map { written("text", slot: $0, isColored: true) }).count == 10)
        #expect(written("text", slot: 10, isColored: true) == written("text", isColored: true))
    }

    @Test func `a program's own colours end with its line`() {
        #expect(written("\u{1B}[41mred\r") == "worker 3 | \u{1B}[41mred\r\u{1B}[0m\n")
    }
}
