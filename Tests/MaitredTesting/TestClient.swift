// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem

/// A client that talks HTTP/1.1 over a blocking socket, for one thread at a time.
///
/// Every wait has the deadline given at the start; running past it throws. The socket closes with the object.
package final class TestClient {
    private var descriptor: Descriptor?

    /// Bytes received that belong to the next response.
    private var received: [UInt8] = []

    /// Connects.
    ///
    /// - Parameters:
    ///   - source: A local host to connect from, such as "127.0.0.7".
    ///   - limit: The longest that any one wait takes, this one included.
    package init(
        _ address: TestAddress,
        from source: String? = nil,
        within limit: Duration = .seconds(10)
    ) throws(TestFailure) {
        let number = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw TestFailure("cannot create a socket", errno: errno) }
        descriptor = Descriptor(owning: number)
        var time = limit.asTimeval
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        if let source { try Self.bind(number, to: source, family: address.family) }
        guard let bytes = address.bytes else { throw TestFailure("\(address) is no address") }
        guard maitred_linux_connect(number, bytes, UInt32(bytes.count)) == 0 else {
            throw TestFailure("cannot connect to \(address)", errno: errno)
        }
    }

    /// Connects, asks once and closes.
    package static func get(
        _ path: String = "/",
        from address: TestAddress,
        within limit: Duration = .seconds(10)
    ) throws(TestFailure) -> TestResponse {
        let client = try TestClient(address, within: limit)
        return try client.get(path)
    }

    /// The client's own end: what the server must see as its peer. "127.0.0.1:51234".
    package func localAddress() throws(TestFailure) -> String {
        switch descriptor {
        case .some(let descriptor):
            guard let address = try? SocketAddress.local(of: descriptor) else {
                throw TestFailure("cannot read the client's address")
            }
            return address.description
        case .none:
            throw TestFailure("the client is closed")
        }
    }

    /// Sends a GET and reads its response.
    package func get(_ path: String = "/", keepAlive: Bool = false) throws(TestFailure) -> TestResponse {
        try request(path, keepAlive: keepAlive)
        return try response()
    }

    /// Sends a GET.
    package func request(_ path: String = "/", keepAlive: Bool = false) throws(TestFailure) {
        let persistence = keepAlive ? "keep-alive" : "close"
        try send("GET \(path) HTTP/1.1\r\nHost: test\r\nConnection: \(persistence)\r\n\r\n")
    }

    /// Sends text as it is.
    package func send(_ text: String) throws(TestFailure) {
        try send(Array(text.utf8))
    }

    /// Sends bytes as they are.
    package func send(_ bytes: [UInt8]) throws(TestFailure) {
        guard let number = descriptor?.number else { throw TestFailure("the client is closed") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { throw TestFailure("cannot send", errno: errno) }
            rest = rest.dropFirst(sent)
        }
    }

    /// Reads one response: its head, then as many bytes as it announces, or all until the server closes.
    package func response() throws(TestFailure) -> TestResponse {
        while true {
            if let response = TestResponse(takingFrom: &received, isEnd: false) { return response }
            if try !receiveMore() {
                if let response = TestResponse(takingFrom: &received, isEnd: true) { return response }
                throw TestFailure("the server closed after \(received.count) bytes of a response")
            }
        }
    }

    /// Reads until a body finds what it looks for in all that was received, and returns that.
    package func receive<Answer>(_ find: ([UInt8]) -> Answer?) throws(TestFailure) -> Answer {
        while true {
            if let answer = find(received) { return answer }
            if try !receiveMore() { throw TestFailure("the server closed after \(received.count) bytes of an answer") }
        }
    }

    /// Waits until the server closes, and returns what it sent before.
    package func readToEnd() throws(TestFailure) -> String {
        while try receiveMore() {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// Whether the server has closed, or reset, a connection on which nothing waits to be read.
    package var isEnded: Bool {
        guard let number = descriptor?.number else { return true }
        var byte: UInt8 = 0
        let count = recv(number, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || count < 0 && errno != EAGAIN
    }

    /// Says that nothing more will be sent: the server reads the end, but can still answer.
    package func finishSending() {
        if let number = descriptor?.number { shutdown(number, Int32(SHUT_WR)) }
    }

    /// Closes in the ordinary way.
    package func close() {
        descriptor = nil
    }

    /// Closes with a reset, as a client does that crashed.
    package func reset() {
        if let number = descriptor?.number {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        descriptor = nil
    }

    /// Receives what is there; false at the end.
    private func receiveMore() throws(TestFailure) -> Bool {
        guard let number = descriptor?.number else { throw TestFailure("the client is closed") }
        var chunk = [UInt8](repeating: 0, count: 16384)
        let count = recv(number, &chunk, chunk.count, 0)
        guard count >= 0 else {
            throw errno == EAGAIN ? TestFailure("no answer in time") : TestFailure("cannot receive", errno: errno)
        }
        received += chunk[..<count]
        return count > 0
    }

    private static func bind(_ number: Int32, to host: String, family: Int32) throws(TestFailure) {
        let address: TestAddress = family == AF_INET6 ? .ipv6(host, port: 0) : .ipv4(host, port: 0)
        // The port is chosen at the connect: thousands of clients may then share one.
        var on: Int32 = 1
        setsockopt(number, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, socklen_t(MemoryLayout<Int32>.size))
        guard let bytes = address.bytes, maitred_linux_bind(number, bytes, UInt32(bytes.count)) == 0 else {
            throw TestFailure("cannot connect from \(host)", errno: errno)
        }
    }
}
