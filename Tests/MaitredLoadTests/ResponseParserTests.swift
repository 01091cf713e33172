// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import Testing

@testable import MaitredLoad

struct ResponseParserTests {
    /// What a parser makes of a whole text that comes in pieces of one size, then of the connection's end.
    private static func outcome(_ text: String, pieces: Int) -> Outcome {
        var parser = ResponseParser()
        let bytes = Array(text.utf8)
        var position = 0
        while position < bytes.count {
            let end = min(bytes.count, position + pieces)
            let piece = Array(bytes[position..<end])
            switch parser.consume(piece.span) {
            case .incomplete: position = end
            case .complete(let consumed):
                return .complete(
                    status: parser.status,
                    rest: bytes.count - position - consumed,
                    keepsAlive: parser.keepsAlive
                )
            case .invalid: return .invalid
            }
        }
        switch parser.end() {
        case .complete: return .complete(status: parser.status, rest: 0, keepsAlive: parser.keepsAlive)
        case .short: return .short
        case .invalid: return .invalid
        }
    }

    enum Outcome: Equatable, Sendable {
        case complete(status: Int, rest: Int, keepsAlive: Bool)
        case short
        case invalid
    }

    private static func good(_ status: Int = 200, rest: Int = 0, keepsAlive: Bool = true) -> Outcome {
        .complete(status: status, rest: rest, keepsAlive: keepsAlive)
    }

    static let cases: [(String, Outcome)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", good()),
        ("HTTP/1.1 200 OK\r\ncontent-LENGTH:5 \t\r\n\r\nhello", good()),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", good()),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nab", good()),
        ("HTTP/1.1 204 No Content\r\n\r\n", good(204)),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", good(304)),
        ("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", good(503, keepsAlive: false)),
        ("HTTP/1.1 200 OK\r\nConnection: upgrade , Close\r\nContent-Length: 1\r\n\r\nx", good(keepsAlive: false)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", good(keepsAlive: false)),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", good()),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", good(keepsAlive: false)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nmore", good(keepsAlive: false)),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            good()
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            good()
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: yes\r\n\r\n", good()),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", good()),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx", .short),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", .short),
        ("HTTP/1.1 200 OK\r\nContent-Le", .short),
        ("HTTP/1.1 20", .short),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", .short),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", .short),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", .invalid),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nno field\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\n: 1\r\n\r\n", .invalid),
        ("HTTP/1.1 2x0 OK\r\n\r\n", .invalid),
        ("HTTP/1.1 600 OK\r\n\r\n", .invalid),
        ("HTTP/1.1 2000 OK\r\n\r\n", .invalid),
        ("HTTP/1.12200 OK\r\n\r\n", .invalid),
        ("HTTP/2.0 200 OK\r\n\r\n", .invalid),
        ("SSH-2.0-server", .invalid),
        ("hello", .invalid),
        ("\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\na\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", .invalid),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", .invalid),
    ]

    @Test(arguments: cases)
    func `an answer is read to its end, in whatever pieces it comes`(text: String, outcome: Outcome) {
        for pieces in [1, 2, 3, 7, 16, 1000] {
            #expect(Self.outcome(text, pieces: pieces) == outcome, "in pieces of \(pieces)")
        }
    }

    @Test func `what comes after an answer is not part of it`() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd"
        #expect(Self.outcome(text, pieces: 1000) == Self.good(rest: 2))
        #expect(Self.outcome(text, pieces: 1) == Self.good(rest: 2))
    }

    @Test func `a parser that was reset knows nothing of the answer before`() {
        var parser = ResponseParser()
        let first = Array("HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 100\r\n\r\nhalf".utf8)
        #expect(parser.consume(first.span) == .incomplete)
        parser.reset()
        #expect(parser.isUntouched)
        let second = Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".utf8)
        #expect(parser.consume(second.span) == .complete(consumed: second.count))
        #expect(parser.status == 200)
        #expect(parser.keepsAlive)
    }

    @Test(arguments: [
        "HTTP/1.1 200 " + String(repeating: "x", count: 70_000),
        "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 12_000),
        String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 3000),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 70_000),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "a: b\r\n", count: 12_000),
    ])
    func `a head without end is refused`(text: String) {
        #expect(Self.outcome(text, pieces: 4096) == .invalid)
    }

    /// Ten thousand answers with random bytes changed, cut, doubled and put in, in random pieces.
    @Test func `no bytes make it trap, and the pieces make no difference`() {
        var random = SeededRandom(seed: 20_261_126)
        let texts = Self.cases.map { Array($0.0.utf8) }
        for _ in 0..<10_000 {
            var bytes = texts.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: random.bytes(3), at: index)
                default: bytes.insert(contentsOf: bytes[..<index], at: index)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let whole = Self.outcome(text, pieces: 1 << 20)
            #expect(Self.outcome(text, pieces: Int.random(in: 1...40, using: &random)) == whole)
        }
    }
}
