// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Synchronization

/// A listener whose connections are served as a test's script says, each in a thread of its own.
///
/// The first connection of a run of the generator asks nothing: it is how the address is tried.
final class ScriptedServer: Sendable {
    /// Where it listens.
    let address: SocketAddress
    private let acceptor: Background<Void>
    private let state: State

    /// What the threads share.
    private final class State: Sendable {
        let stop: WakeDescriptor
        let accepted = Atomic<Int>(0)
        let running = Atomic<Int>(0)

        init() throws { stop = try WakeDescriptor() }
    }

    /// Held by the accepting thread alone, so that nobody listens once that has ended.
    private final class Listener: @unchecked Sendable {
        let socket: ListeningSocket

        init(_ socket: consuming ListeningSocket) { self.socket = socket }
    }

    /// Listens and serves.
    ///
    /// - Parameters:
    ///   - address: Where; a free port of 127.0.0.1 unless said otherwise.
    ///   - limit: After so many connections nobody listens any more.
    ///   - isSerial: One connection after the other, in one thread.
    ///   - script: What is done with each; the connection is closed when it returns.
    init(
        at address: SocketAddress? = nil,
        accepting limit: Int = .max,
        isSerial: Bool = false,
        _ script: @escaping @Sendable (Peer) -> Void
    ) throws {
        let wanted = try address ?? SocketAddress.resolve(host: "127.0.0.1", port: 0)
        let listener = Listener(try ListeningSocket.open(wanted, ListeningOptions()))
        let state = try State()
        self.address = listener.socket.address
        self.state = state
        acceptor = Background {
            sharpenTimers()
            Self.serve(listener.socket.descriptor.number, state, limit, isSerial, script)
        }
    }

    /// Connections that were accepted.
    var accepted: Int { state.accepted.load(ordering: .relaxed) }
    /// Connections whose script is running.
    var open: Int { state.running.load(ordering: .relaxed) }

    /// Ends all scripts, and returns when they have ended.
    func end() {
        state.stop.ring()
        acceptor.join()
        _ = eventually { open == 0 }
    }

    private static func serve(
        _ listener: CInt,
        _ state: State,
        _ limit: Int,
        _ isSerial: Bool,
        _ script: @escaping @Sendable (Peer) -> Void
    ) {
        let stop = state.stop.descriptor.number
        while state.accepted.load(ordering: .relaxed) < limit, Peer.waitReadable(listener, stop) {
            let number = accept(listener, nil, nil)
            guard number >= 0 else { continue }
            let index = state.accepted.wrappingAdd(1, ordering: .relaxed).oldValue
            state.running.wrappingAdd(1, ordering: .relaxed)
            let serve: @Sendable () -> Void = {
                let peer = Peer(number: number, stop: stop, index: index)
                script(peer)
                peer.close()
                state.running.wrappingSubtract(1, ordering: .relaxed)
            }
            if isSerial { serve() } else { pthread_detach(startThread(serve)) }
        }
    }
}

/// The server's end of one connection, for the thread that serves it.
final class Peer {
    private var number: CInt
    private let stop: CInt
    /// Which connection of its server it is, from 0.
    let index: Int
    private var received: [UInt8] = []

    init(number: CInt, stop: CInt, index: Int) {
        self.number = number
        self.stop = stop
        self.index = index
    }

    /// Reads one request.
    ///
    /// - Returns: Its path; nil when the client has closed or the server is to end.
    func request() -> String? {
        while true {
            if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                let line = received.prefix { $0 != UInt8(ascii: "\r") }
                received.removeSubrange(..<end.upperBound)
                return line.split(separator: UInt8(ascii: " ")).dropFirst().first.map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            guard Self.waitReadable(number, stop) else { return nil }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = recv(number, &chunk, chunk.count, 0)
            if count <= 0 { return nil }
            received += chunk[..<count]
        }
    }

    /// Sends bytes as they are.
    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Answers with a body.
    func answer(_ status: String = "200 OK", body: String = "hello", headers: String = "") {
        send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Answers every request on the connection.
    func answerAll() {
        while request() != nil { answer() }
    }

    /// Waits until the client closes or the server is to end.
    func waitForEnd() {
        while request() != nil {}
    }

    func close() {
        if number >= 0 { Glibc.close(number) }
        number = -1
    }

    /// Ends the connection with a reset.
    func reset() {
        var setting = linger(l_onoff: 1, l_linger: 0)
        setsockopt(number, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Waits for a descriptor; false when the other has become readable first: the server is to end.
    static func waitReadable(_ number: CInt, _ stop: CInt) -> Bool {
        var entries = [
            pollfd(fd: number, events: Int16(POLLIN), revents: 0), pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&entries, 2, -1) < 0 {}
        return entries[1].revents == 0
    }
}

/// A time in which nobody is answered: from when so many requests have come.
final class Stall: Sendable {
    private let length: UInt64
    private let requests: Int
    private let state = Guarded(Moments())

    private struct Moments {
        var count = 0
        var first: UInt64 = 0
        var end: UInt64 = 0
        /// When those that had to wait could be answered, by how many had come before them.
        var answers: [Int: UInt64] = [:]
    }

    init(_ length: Duration, after requests: Int) {
        self.length = UInt64(length / .nanoseconds(1))
        self.requests = requests
    }

    /// What the requests of the stall had to wait in milliseconds, longest first, by the server's own clock.
    ///
    /// Counted from the moments at which requests were due that come a thousand a second, the first when it came.
    var waits: [Double] {
        state.withLock { state in
            state.answers.map { before, moment in Double(moment - state.first) / 1e6 - Double(before) }.sorted(by: >)
        }
    }

    /// Counts a request, and returns when it may be answered.
    func pass() {
        let (before, end) = state.withLock { state in
            let before = state.count
            let now = MonotonicClock.nanoseconds()
            state.count += 1
            if before == 0 { state.first = now }
            if before == requests { state.end = now + length }
            return (before, state.end)
        }
        // Until a moment, not for a time: the wait is the length of the stall however late it begins.
        while true {
            let now = MonotonicClock.nanoseconds()
            if now >= end { break }
            MonotonicClock.rest(nanoseconds: Int(min(end - now, 999_999_999)))
        }
        guard requests..<(requests + Int(length / 1_000_000)) ~= before else { return }
        state.withLock { $0.answers[before] = MonotonicClock.nanoseconds() }
    }
}
