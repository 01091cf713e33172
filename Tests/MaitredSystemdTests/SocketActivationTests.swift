// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import Testing

@testable import MaitredSystemd

/// The variables belong to the whole process, so each test that sets them runs in a process of its own.
@Suite(.timeLimit(.minutes(1)))
struct SocketActivationTests {
    /// The kernel gives out the lowest free number, so everything from 3 to the new socket's number is open, and the
    /// socket can play the last of the passed ones. The others belong to the test runner and are given back.
    @Test func `sockets are taken with their names, close-on-exec, and the variables are gone`() async {
        await #expect(processExitsWith: .success) {
            let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            let count = Int(listener) - 2
            setenv("LISTEN_PID", "\(getpid())", 1)
            setenv("LISTEN_FDS", "\(count)", 1)
            setenv("LISTEN_FDNAMES", (Array(repeating: "other", count: count - 1) + ["web"]).joined(separator: ":"), 1)

            let sockets = try SocketActivation.take()
            try #require(sockets.count == count)
            #expect(sockets.map(\.name) == Array(repeating: "other", count: count - 1) + ["web"])
            for other in sockets.dropLast() { _ = other.take().release() }
            let taken = sockets[count - 1].take()
            #expect(taken.number == listener)
            #expect(fcntl(taken.number, F_GETFD) & FD_CLOEXEC != 0)
            for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { #expect(getenv(name) == nil) }
        }
    }

    @Test func `a socket that nobody takes is closed`() async {
        await #expect(processExitsWith: .success) {
            let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            _ = ActivatedSocket(name: "web", owning: number)
            #expect(fcntl(number, F_GETFD) == -1)
        }
    }

    @Test func `sockets for another process are left alone`() async {
        await #expect(processExitsWith: .success) {
            setenv("LISTEN_PID", "1", 1)
            setenv("LISTEN_FDS", "1", 1)
            let sockets = try SocketActivation.take()
            #expect(sockets.isEmpty)
            #expect(getenv("LISTEN_FDS") == nil)
        }
    }

    @Test func `without variables there are none`() async {
        await #expect(processExitsWith: .success) {
            for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) }
            let sockets = try SocketActivation.take()
            #expect(sockets.isEmpty)
        }
    }

    @Test(arguments: [
        ("many", EINVAL, "the numbers are not valid"),
        ("0", EINVAL, "the numbers are not valid"),
        ("900", EBADF, "not all of these descriptors are open"),
    ])
    func `variables that make no sense are quoted`(count: String, code: CInt, words: String) async {
        await #expect(processExitsWith: .success) { [count, code, words] in
            setenv("LISTEN_PID", "\(getpid())", 1)
            setenv("LISTEN_FDS", count, 1)
            let error = #expect(throws: SocketActivationError.self) { try SocketActivation.take() }
            #expect(error?.errno == code)
            #expect(error?.description.contains("LISTEN_FDS=\(count) ") == true)
            #expect(error?.description.contains(words) == true)
        }
    }

    @Test func `as many names as sockets are needed`() async {
        await #expect(processExitsWith: .success) {
            let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            setenv("LISTEN_PID", "\(getpid())", 1)
            setenv("LISTEN_FDS", "\(listener - 2)", 1)
            setenv("LISTEN_FDNAMES", Array(repeating: "a", count: Int(listener)).joined(separator: ":"), 1)
            let error = #expect(throws: SocketActivationError.self) { try SocketActivation.take() }
            #expect(error?.errno == EINVAL)
        }
    }
}
