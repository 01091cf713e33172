// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredControl
import MaitredSupervise
import MaitredSystem
import MaitredTesting

@testable import MaitredMaster

/// A control server whose turns and time are the test's.
final class ControlStage {
    let directory: StageDirectory
    let server: ControlServer
    var now = Instant(nanoseconds: 1_000_000_000)
    private let loop: Epoll

    var path: String { "\(directory.path)/control" }

    init(master: Int32 = getpid(), group: UInt32? = nil) throws {
        directory = try StageDirectory()
        let access = ControlAccess(user: geteuid(), group: group, master: master)
        server = try ControlServer(path: "\(directory.path)/control", access: access)
        loop = try Epoll(capacity: 4)
        try server.register(in: loop, as: EpollToken(kind: 9, identity: 0))
    }

    deinit {
        server.close()
    }

    /// Whether the loop would turn for it now.
    var isReported: Bool { loop.wait(milliseconds: 0) > 0 }

    /// Waits until the loop would turn.
    func waitForReport() {
        _ = loop.wait(milliseconds: 10_000)
    }

    func turn() {
        server.turn(now, workerGroups: [])
    }

    /// Every request that may be taken in this turn.
    func requests() -> [(client: Int, text: String)] {
        var found: [(client: Int, text: String)] = []
        while let request = server.nextRequest(now) {
            found.append((request.client, String(decoding: request.line, as: UTF8.self)))
        }
        return found
    }

    func send(_ text: String, to client: Int, isLast: Bool = true) {
        server.send(Array(text.utf8), to: client, isLast: isLast, now)
    }

    func connect() throws -> ControlTestClient {
        try ControlTestClient(path)
    }

    /// A client that was let in and subscribed.
    func subscriber() throws -> ControlTestClient {
        let client = try connect()
        turn()
        try client.send("events")
        turn()
        for request in requests() {
            server.setSubscribed(request.client, now)
            send("subscribed", to: request.client)
        }
        guard try client.line() == "subscribed" else { throw TestFailure("not subscribed") }
        return client
    }
}

/// A directory for as long as the object lives.
final class StageDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/maitred-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("cannot create a directory", errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in directoryEntries(path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}

/// A client in the test's own process; it closes with the object.
final class ControlTestClient {
    private var connection: ControlConnection

    init(_ path: String) throws {
        connection = try ControlConnection.connect(to: path)
    }

    func send(_ line: String) throws {
        try connection.send(Array(line.utf8), within: .zero)
    }

    /// Sends bytes as they are.
    func sendRaw(_ bytes: [UInt8]) throws {
        guard case .bytes(bytes.count) = connection.socket.write(bytes[...]) else { throw TestFailure("cannot send") }
    }

    func sendRaw(_ text: String) throws {
        try sendRaw(Array(text.utf8))
    }

    func finishSending() {
        connection.socket.finishWriting()
    }

    /// The next line; nil at the end, or when none is there in time.
    func line(within limit: Duration = .seconds(10)) throws -> String? {
        guard case .line(let line) = try connection.nextLine(within: limit) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }

    /// Whether the server has closed, and nothing else is left to read.
    func isClosed() throws -> Bool {
        try connection.nextLine(within: .seconds(10)) == .ended
    }
}

/// A child of this process that connects, reads one line and the end, and exits with 0; with 1 if it came otherwise.
func forkedClient(_ path: String, _ prepare: () -> Void) -> Int32 {
    let address = TestAddress.unix(path).sockaddr
    let pid = maitred_linux_fork()
    guard pid == 0 else { return pid }
    prepare()
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    if maitred_linux_connect(number, address, UInt32(address.count)) != 0 { _exit(1) }
    var byte: UInt8 = 0
    while read(number, &byte, 1) == 1, byte != 10 {}
    if byte != 10 { _exit(1) }
    _exit(read(number, &byte, 1) == 0 ? 0 : 1)
}
