// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredControl
import MaitredSupervise
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(5)))
struct ControlServerAccessTests {
    // MARK: - Who may

    @Test func `a 17th client is told and closed, and let in when another has left`() throws {
        let stage = try ControlStage()
        var clients = try (0..<16).map { _ in try stage.connect() }
        while stage.isReported { stage.turn() }
        #expect(stage.server.clientCount == 16)
        let refused = try stage.connect()
        stage.turn()
        let words = "too many clients are connected to maitred; try again"
        #expect(try refused.line() == #"{"version":1,"ok":false,"error":"\#(words)"}"#)
        #expect(try refused.isClosed())
        #expect(stage.server.counts.turnedAway == 1)
        clients.removeFirst()
        stage.turn()
        let next = try stage.connect()
        stage.turn()
        #expect(stage.server.clientCount == 16)
        try next.send("status")
        stage.turn()
        #expect(stage.requests().count == 1)
    }

    @Test(.enabled(if: geteuid() == 0))
    func `another user is let in by the control group only`() async {
        await #expect(processExitsWith: .success) {
            for (groups, isLetIn) in [([gid_t(777)], true), ([gid_t(778)], false)] {
                let stage = try ControlStage(master: .max, group: 777)
                chmod(stage.directory.path, 0o755)
                chmod(stage.path, 0o666)
                let pid = forkedClient(stage.path) {
                    setgroups(groups.count, groups)
                    setgid(65_534)
                    setuid(65_534)
                }
                stage.waitForReport()
                stage.turn()
                #expect(stage.server.clientCount == (isLetIn ? 1 : 0))
                let reasons = stage.server.takeDepartures().map(\.reason)
                #expect(reasons == (isLetIn ? [] : [.refused(.stranger)]))
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
            }
        }
    }

    @Test func `a child of the master is refused and told so`() async {
        await #expect(processExitsWith: .success) {
            let stage = try ControlStage(master: getpid())
            let pid = forkedClient(stage.path) {}
            stage.waitForReport()
            stage.turn()
            #expect(stage.server.clientCount == 0)
            let departure = try #require(stage.server.takeDepartures().first)
            #expect(departure.pid == pid && departure.user == geteuid() && departure.client == nil)
            #expect(departure.reason == .refused(.worker))
            #expect(stage.server.counts == ControlCounts(refused: 1))
            // It exits with 0 when it has read the refusal and then the end.
            var status: Int32 = -1
            #expect(waitpid(pid, &status, 0) == pid)
            #expect(status == 0)
        }
    }

    @Test func `an orphan that a worker left behind is refused too`() async {
        await #expect(processExitsWith: .success) {
            try becomeSubreaper()
            let stage = try ControlStage(master: getpid())
            // The worker starts a process in a session of its own, and ends before that connects.
            let worker = maitred_linux_fork()
            if worker == 0 {
                let parent = getpid()
                _ = forkedClient(stage.path) {
                    setsid()
                    while getppid() == parent { usleep(1000) }
                }
                _exit(0)
            }
            #expect(waitpid(worker, nil, 0) == worker)
            stage.waitForReport()
            stage.turn()
            #expect(stage.server.takeDepartures().map(\.reason) == [.refused(.worker)])
            waitpid(-1, nil, 0)
        }
    }

    @Test func `a member of a worker's process group is refused, whoever started it`() throws {
        let stage = try ControlStage(master: .max)
        let client = try stage.connect()
        stage.server.turn(stage.now, workerGroups: [getpgrp()])
        let words = "a worker may not control its own maitred"
        #expect(try client.line() == #"{"version":1,"ok":false,"error":"\#(words)"}"#)
        let other = try stage.connect()
        stage.server.turn(stage.now, workerGroups: [])
        try other.send("status")
        stage.turn()
        #expect(stage.requests().count == 1)
    }

    // MARK: - The socket

    @Test func `the file is the user's alone, a stale one is replaced, a live one is not`() throws {
        let stage = try ControlStage()
        #expect(fileMode(stage.path) == 0o600)
        let path = stage.path
        let error = #expect(throws: SystemError.self) {
            _ = try ControlServer(path: path, access: .ofThisProcess(group: nil))
        }
        #expect(error?.errno == EADDRINUSE)
        let stale = "\(stage.directory.path)/stale"
        do { _ = try ListeningSocket.open(SocketAddress(unixPath: stale), ListeningOptions(mode: 0o666)) }
        let access = ControlAccess.ofThisProcess(group: getegid())
        let server = try ControlServer(path: stale, access: access)
        #expect(fileMode(stale) == 0o660)
        _ = try ControlConnection.connect(to: stale)
        server.close()
    }

    @Test func `closing removes the file and ends every client`() throws {
        let stage = try ControlStage()
        let client = try stage.connect()
        stage.turn()
        stage.server.close()
        #expect(fileMode(stage.path) == nil)
        #expect(try client.isClosed())
        #expect(stage.server.deadline == .never)
        stage.turn()
        stage.server.close()
    }

    @Test func `closing leaves the file of a successor alone`() throws {
        let stage = try ControlStage()
        #expect(unlink(stage.path) == 0)
        let access = ControlAccess.ofThisProcess(group: nil)
        let successor = try ControlServer(path: stage.path, access: access)
        stage.server.close()
        #expect(fileMode(stage.path) == 0o600)
        _ = try ControlConnection.connect(to: stage.path)
        successor.close()
        #expect(fileMode(stage.path) == nil)
    }

    @Test func `at the descriptor limit accepting rests, and goes on when there are some again`() async {
        await #expect(processExitsWith: .success) {
            let stage = try ControlStage()
            let client = try stage.connect()
            try withDescriptorsExhausted {
                stage.turn()
                #expect(stage.server.deadline == stage.now + .milliseconds(100))
                #expect(!stage.isReported)
            }
            stage.now = stage.now + .milliseconds(100)
            stage.turn()
            #expect(stage.server.clientCount == 1)
            try client.send("status")
            stage.turn()
            #expect(stage.requests().count == 1)
        }
    }

    @Test func `a thousand clients one after another leave no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let stage = try ControlStage()
            let before = openDescriptorCount()
            for index in 0..<1000 {
                let client = try stage.connect()
                if index % 3 == 0 { try client.send("status") }
                if index % 5 == 0 { stage.turn() }
                if index % 7 == 0 { client.finishSending() }
                stage.turn()
                _ = stage.requests()
            }
            while stage.isReported {
                stage.turn()
                _ = stage.requests()
            }
            #expect(stage.server.clientCount == 0)
            #expect(openDescriptorCount() == before)
        }
    }
}
