// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredWorker

/// Answers one request per connection, one connection at a time, until the master asks for the end.
func serve(_ worker: Worker) throws(WorkerError) {
    try worker.ready()
    var isDraining = false
    while !isDraining {
        let readiness = worker.wait(milliseconds: 1000)
        worker.heartbeat()
        for listener in readiness.listeners {
            guard case .connection(let connection) = worker.take(from: listener) else { continue }
            connection.setBlocking()
            answer(connection.release(), as: worker)
            worker.closed()
            worker.served()
        }
        if readiness.control {
            while let event = try worker.receive() {
                if event == .drain || event == .masterGone { isDraining = true }
            }
        }
    }
}

/// Reads a request and says who answers it.
private func answer(_ connection: Int32, as worker: Worker) {
    defer { close(connection) }
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var request = [UInt8](repeating: 0, count: 4096)
    guard recv(connection, &request, request.count, 0) > 0 else { return }
    let body = "worker \(worker.id), process \(getpid())\n"
    let response = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    _ = send(connection, response, response.utf8.count, Int32(MSG_NOSIGNAL))
}
