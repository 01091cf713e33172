// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

/// How a client asks a server, and knows that the answer is whole. The answer says `id=N`, the worker's number.
enum Exchange: Sendable {
    case http
    /// HTTP/2 without TLS, known beforehand.
    case http2
    /// A message that is a path, answered by a message.
    case webSocket
    /// Inline commands.
    case redis

    /// What is asked for.
    enum Request: String {
        /// Answered at once.
        case quick = "/"
        /// Answered after 300 ms, or in parts over that time, with an end that tells that nothing is missing.
        case slow = "/slow"
    }

    /// Connects, asks, and closes when the answer is there.
    func ask(
        _ request: Request,
        _ address: TestAddress,
        within limit: Duration = .seconds(30)
    ) throws(TestFailure) -> TestResponse {
        let client = try TestClient(address, within: limit)
        if self == .http {
            let response = try client.get(request.rawValue)
            // A length that was announced has been checked.
            if request == .slow, response.headers["content-length"] == nil, !response.body.hasSuffix("\nwhole\n") {
                throw TestFailure("an answer without its end, of \(response.body.utf8.count) bytes")
            }
            return response
        }
        try client.send(bytes(of: request))
        return try client.receive { find(request, in: $0) }
    }

    private func bytes(of request: Request) -> [UInt8] {
        switch self {
        case .http: []
        case .http2: HTTP2.request(request.rawValue)
        case .webSocket: WebSocket.request(request.rawValue)
        case .redis: Array(((request == .slow ? "BLPOP nothing 0.3\r\n" : "") + "CONFIG GET dbfilename\r\n").utf8)
        }
    }

    /// The answer, once all of it is there.
    private func find(_ request: Request, in received: [UInt8]) -> TestResponse? {
        // In both cases Redis answers the second command when the first is done.
        if request == .slow, self != .redis, received.firstRange(of: Array("\nwhole\n".utf8)) == nil { return nil }
        guard let start = received.firstRange(of: Array("id=".utf8))?.lowerBound else { return nil }
        guard let end = received[start...].firstIndex(where: { $0 == 10 || $0 == 13 }) else { return nil }
        return TestResponse(String(decoding: received[start..<end], as: UTF8.self))
    }
}

/// The few frames that one request takes.
private enum HTTP2 {
    static func request(_ path: String) -> [UInt8] {
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "test")]
        // Literal, without indexing, new name.
        var head: [UInt8] = []
        for (name, value) in fields { head += [0] + text(name) + text(value) }
        var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        // SETTINGS: INITIAL_WINDOW_SIZE, and the same for the connection: nobody waits for a WINDOW_UPDATE.
        bytes += frame(type: 4, flags: 0, stream: 0, [0, 4, 0, 16, 0, 0])
        bytes += frame(type: 8, flags: 0, stream: 0, [0, 16, 0, 0])
        // HEADERS: END_HEADERS, END_STREAM.
        bytes += frame(type: 1, flags: 5, stream: 1, head)
        return bytes
    }

    private static func text(_ text: String) -> [UInt8] {
        [UInt8(text.utf8.count)] + Array(text.utf8)
    }

    private static func frame(type: UInt8, flags: UInt8, stream: UInt8, _ body: [UInt8]) -> [UInt8] {
        [0, 0, UInt8(body.count), type, flags, 0, 0, 0, stream] + body
    }
}

private enum WebSocket {
    /// The handshake and a message, without waiting in between.
    static func request(_ path: String) -> [UInt8] {
        let lines = [
            "GET / HTTP/1.1", "Host: test", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: bm8gcmFuZG9tIGF0IGFsbA==", "", "",
        ]
        // Text, masked with zeros.
        let message = [0x81, 0x80 | UInt8(path.utf8.count), 0, 0, 0, 0] + Array(path.utf8)
        return Array(lines.joined(separator: "\r\n").utf8) + message
    }
}
