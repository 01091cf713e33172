// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ControlConnectionTests {
    @Test func `lines go both ways, and the end is told after the last`() throws {
        try withListener { listener, path in
            var client = try ControlConnection.connect(to: path)
            #expect(try nextLine(of: &client, within: .zero) == .timedOut)
            let server = try accepted(from: listener)
            try client.send(Array("status".utf8))
            var buffer = [UInt8](repeating: 0, count: 100)
            #expect(server.read(into: &buffer) == .bytes(7))
            #expect(buffer.prefix(7) == Array("status\n".utf8)[...])
            #expect(server.write(Array("one\ntw".utf8)[...]) == .bytes(6))
            #expect(try nextLine(of: &client, within: nil) == .line(Array("one".utf8)))
            #expect(try nextLine(of: &client, within: .milliseconds(1)) == .timedOut)
            #expect(server.write(Array("o\nthr".utf8)[...]) == .bytes(5))
            server.finishWriting()
            #expect(try nextLine(of: &client, within: .seconds(10)) == .line(Array("two".utf8)))
            #expect(try nextLine(of: &client, within: nil) == .ended)
            #expect(try nextLine(of: &client, within: nil) == .ended)
        }
    }

    @Test func `a refusal is read although the master has closed before it was asked`() throws {
        try withListener { listener, path in
            var client = try ControlConnection.connect(to: path)
            do {
                let server = try accepted(from: listener)
                #expect(server.write(Array("no\n".utf8)[...]) == .bytes(3))
            }
            try client.send(Array("status".utf8))
            #expect(try nextLine(of: &client, within: nil) == .line(Array("no".utf8)))
            #expect(try nextLine(of: &client, within: nil) == .ended)
        }
    }

    @Test func `nobody there is said as a question`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let words = "no maitred answers at \(path): is it running?"
            #expect(connectError(path)?.description == words)
            #expect(connectError(path) == .notRunning(path: path))
            do { _ = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions()) }
            #expect(connectError(path)?.description == words)
        }
    }

    @Test func `a master that does not accept is given up`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions(backlog: 0))
            let first = try ControlConnection.connect(to: path)
            #expect(connectError(path, within: .milliseconds(20)) == .noAnswer(path: path))
            _ = first.socket.descriptor.number
            _ = listener.address
        }
    }

    @Test(.enabled(if: geteuid() == 0))
    func `who may not is told who may`() async throws {
        try await withTemporaryDirectory { directory in
            // As another user, who must not come back to the test's own.
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                let path = "\(directory)/s"
                chmod(directory, 0o755)
                let options = ListeningOptions(mode: 0o660, group: 1)
                let listener = try ListeningSocket.open(SocketAddress(unixPath: path), options)
                chown(path, 2, 1)
                setgroups(0, nil)
                setgid(65_534)
                setuid(65_534)
                let names = "user \(AccountNames.user(2)), group \(AccountNames.group(1))"
                #expect(connectError(path)?.description == "permission denied for \(path): open to root, \(names)")
                #expect(connectError("/proc/1/cwd/s")?.description == "permission denied for /proc/1/cwd/s")
                _ = listener.address
            }
        }
    }

    @Test func `a path that cannot be one is an error in the system's words`() {
        let path = String(repeating: "x", count: 200)
        #expect(connectError(path)?.description == "cannot use socket path \(path): File name too long (ENAMETOOLONG)")
    }

    @Test func `a master that does not take a request is given up`() throws {
        try withListener { _, path in
            let client = try ControlConnection.connect(to: path)
            let request = [UInt8](repeating: 65, count: 4 << 20)
            #expect(throws: ControlConnectionError.noAnswer(path: path)) {
                try client.send(request, within: .milliseconds(20))
            }
        }
    }
}

private func connectError(_ path: String, within limit: Duration = .seconds(5)) -> ControlConnectionError? {
    do throws(ControlConnectionError) {
        _ = try ControlConnection.connect(to: path, within: limit)
        return nil
    } catch {
        return error
    }
}

private func withListener(_ body: (borrowing ListeningSocket, String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        let path = "\(directory)/s"
        let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions())
        try body(listener, path)
    }
}

private func accepted(from listener: borrowing ListeningSocket) throws -> StreamSocket {
    guard case .accepted(let socket) = listener.acceptStream() else { throw TestFailure("nobody came") }
    return socket
}

/// A free function: the macro cannot call a mutating member.
private func nextLine(
    of client: inout ControlConnection,
    within limit: Duration?
) throws -> ControlConnection.Answer {
    try client.nextLine(within: limit)
}
