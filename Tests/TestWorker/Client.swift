// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredWorker

/// One connection of the test worker.
final class Client {
    /// What the master said of the connection.
    struct About {
        let listener: Int
        let peer: String
        let sequence: UInt64

        /// The line that says who took it.
        func taken(by worker: Worker) -> String {
            "took listener=\(listener) peer=\(peer) sequence=\(sequence) id=\(worker.id)"
        }
    }

    /// Longest head of a request.
    private static let headLimit = 16384

    private let about: About
    private var socket: Descriptor?
    private var received: [UInt8] = []
    private var isHeld = false
    private var isAnswered = false

    /// Whether the connection is to be closed now.
    private(set) var isFinished = false

    init(_ descriptor: consuming Descriptor, _ about: About) {
        self.about = about
        socket = consume descriptor
    }

    /// The socket.
    ///
    /// - Precondition: `close()` was not called.
    var descriptor: Descriptor {
        _read {
            switch socket {
            case .some(let descriptor): yield descriptor
            case .none: preconditionFailure("the connection is closed")
            }
        }
    }

    /// Whether it is merely kept for another request.
    var isIdle: Bool { isAnswered && received.isEmpty && !isHeld }

    /// Closes the connection.
    func close() {
        socket = nil
    }

    /// The path of the next whole request, nil when there is none; notices when the client is gone.
    func nextRequest() -> String? {
        while !isFinished {
            if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                let words = received[..<end.lowerBound].split(separator: UInt8(ascii: " "), maxSplits: 2)
                received.removeSubrange(..<end.upperBound)
                return words.count > 1 ? String(decoding: words[1], as: UTF8.self) : "/"
            }
            guard receiveMore() else { return nil }
        }
        return nil
    }

    /// Answers a request and decides what becomes of the connection.
    func answer(_ path: String, from worker: Worker) {
        isAnswered = true
        isHeld = path == "/hold"
        let staysOpen = isHeld || path == "/keep"
        let body =
            "id=\(worker.id) slot=\(worker.slot) pid=\(getpid()) listener=\(about.listener) peer=\(about.peer) "
            + "sequence=\(about.sequence)\n"
        let response = """
            HTTP/1.1 200 OK\r
            Content-Type: text/plain\r
            Content-Length: \(body.utf8.count)\r
            Connection: \(staysOpen ? "keep-alive" : "close")\r
            \r
            \(body)
            """
        // A few hundred bytes always fit an empty send buffer; a client that does not read gets no more.
        let sent = response.withCString { send(descriptor.number, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        isFinished = !staysOpen || sent != response.utf8.count
    }

    /// Receives what is there; false when nothing is, or the client is gone.
    private func receiveMore() -> Bool {
        let chunk = [UInt8](unsafeUninitializedCapacity: 2048) { buffer, count in
            let length = recv(descriptor.number, buffer.baseAddress, buffer.count, 0)
            isFinished = length == 0 || length < 0 && errno != EAGAIN && errno != EINTR
            count = max(0, length)
        }
        received += chunk
        if received.count > Self.headLimit { isFinished = true }
        return !chunk.isEmpty
    }
}
