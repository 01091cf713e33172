// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EpollTests {
    @Test(arguments: [
        (UInt8(0), UInt64(0)), (UInt8(255), UInt64(1) << 56 - 1), (UInt8(7), UInt64(1)), (UInt8(128), UInt64(1) << 55),
    ])
    func `a token keeps kind and identity apart`(kind: UInt8, identity: UInt64) {
        let token = EpollToken(kind: kind, identity: identity)
        #expect(token.kind == kind)
        #expect(token.identity == identity)
    }

    @Test func `an identity that does not fit a token is a bug`() async {
        await #expect(processExitsWith: .failure) {
            _ = EpollToken(kind: 0, identity: 1 << 56)
        }
    }

    @Test func `an event carries the token of what is ready, and nothing else is reported`() throws {
        let epoll = try Epoll(capacity: 8)
        let quiet = try TestPair()
        let loud = try TestPair()
        let token = EpollToken(kind: 200, identity: 1 << 55 | 3)
        try epoll.add(quiet.first.descriptor, .readable, EpollToken(kind: 1, identity: 1))
        try epoll.add(loud.first.descriptor, .readable, token)
        #expect(epoll.wait(milliseconds: 0) == 0)

        #expect(loud.second.send([1]) == .sent)
        #expect(epoll.wait(milliseconds: 1000) == 1)
        let event = epoll.event(at: 0)
        #expect(event.token == token)
        #expect(event.readiness == .readable)
    }

    @Test func `an interest of nothing is silent until it is modified`() throws {
        let epoll = try Epoll(capacity: 8)
        let pair = try TestPair()
        let token = EpollToken(kind: 1, identity: 1)
        try epoll.add(pair.first.descriptor, [], token)
        #expect(pair.second.send([1]) == .sent)
        #expect(epoll.wait(milliseconds: 0) == 0)
        try epoll.modify(pair.first.descriptor, .readable, token)
        #expect(epoll.wait(milliseconds: 0) == 1)
        epoll.remove(pair.first.descriptor)
        #expect(epoll.wait(milliseconds: 0) == 0)
    }

    @Test func `a hang-up is reported without being asked for`() throws {
        let epoll = try Epoll(capacity: 8)
        let pair = try TestPair()
        try epoll.add(pair.first.descriptor, [], EpollToken(kind: 1, identity: 1))
        pair.closeSecond()
        #expect(epoll.wait(milliseconds: 1000) == 1)
        #expect(epoll.event(at: 0).readiness.contains(.hungUp))
    }

    @Test func `an epoll can watch another`() throws {
        let outer = try Epoll(capacity: 1)
        let inner = try Epoll(capacity: 1)
        let pair = try TestPair()
        try outer.add(inner.descriptor, .readable, EpollToken(kind: 9, identity: 9))
        try inner.add(pair.first.descriptor, .readable, EpollToken(kind: 1, identity: 1))
        #expect(outer.wait(milliseconds: 0) == 0)
        #expect(pair.second.send([1]) == .sent)
        #expect(outer.wait(milliseconds: 1000) == 1)
        #expect(outer.event(at: 0).token.kind == 9)
    }

    @Test func `no more events come at once than there is room for`() throws {
        let epoll = try Epoll(capacity: 2)
        let pairs = try (0..<5).map { _ in try TestPair() }
        for (index, pair) in pairs.enumerated() {
            try epoll.add(pair.first.descriptor, .readable, EpollToken(kind: 1, identity: UInt64(index)))
            #expect(pair.second.send([1]) == .sent)
        }
        // An end that nobody needs any more is closed, and then has no events.
        withExtendedLifetime(pairs) { #expect(epoll.wait(milliseconds: 0) == 2) }
    }

    @Test func `what cannot be watched is an error with its number`() throws {
        let epoll = try Epoll(capacity: 1)
        let pair = try TestPair()
        let token = EpollToken(kind: 1, identity: 1)
        try epoll.add(pair.first.descriptor, .readable, token)
        let error = systemError { () throws(SystemError) in try epoll.add(pair.first.descriptor, .readable, token) }
        #expect(error?.errno == EEXIST)
        let missing = systemError { () throws(SystemError) in
            try epoll.modify(pair.second.descriptor, .readable, token)
        }
        #expect(missing?.errno == ENOENT)
    }

    @Test func `an epoll leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let epoll = try Epoll(capacity: 4)
                let pair = try TestPair()
                try epoll.add(pair.first.descriptor, .readable, EpollToken(kind: 1, identity: 1))
            }
            #expect(openDescriptorCount() == before)
        }
    }
}
