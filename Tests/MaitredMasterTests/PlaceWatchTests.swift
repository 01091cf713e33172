// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import MaitredWire
import Testing

@testable import MaitredMaster

struct PlaceWatchTests {
    private func hand(_ count: Int, to worker: PlayedWorker) throws {
        let connection = try Descriptor.null()
        for _ in 0..<count { try #require(worker.link.channels[0].hand(HandoffPacket(), connection) == .sent) }
    }

    @Test(arguments: [1, 16, 64])
    func `every single take of a full queue wakes a loop that watches`(depth: Int) throws {
        let loop = try Loop()
        let worker = try PlayedWorker(id: 1, queueDepth: depth)
        try loop.places.add(worker.link)
        try loop.setWatching(true)
        #expect(loop.places.isWatching)
        try hand(depth, to: worker)
        _ = loop.hearsTake()
        #expect(!loop.hearsTake())
        for _ in 0..<depth {
            #expect(worker.take() != nil)
            #expect(loop.hearsTake())
            #expect(!loop.hearsTake())
        }
    }

    @Test func `a loop that does not watch is not woken, and hears of it when it begins to`() throws {
        let loop = try Loop()
        let worker = try PlayedWorker(id: 1)
        try loop.places.add(worker.link)
        try hand(2, to: worker)
        _ = worker.take()
        #expect(!loop.hearsTake())
        try loop.setWatching(true)
        try loop.setWatching(true)
        #expect(loop.hearsTake())
        try loop.setWatching(false)
        _ = worker.take()
        #expect(!loop.hearsTake())
    }

    @Test func `a worker that left is not heard any more although its channel lives on`() throws {
        let loop = try Loop()
        let worker = try PlayedWorker(id: 1)
        try loop.places.add(worker.link)
        try loop.setWatching(true)
        try hand(1, to: worker)
        _ = loop.hearsTake()
        loop.places.remove(worker.link)
        _ = worker.take()
        #expect(!loop.hearsTake())
    }
}

/// The loop's epoll and the watch in it.
private final class Loop {
    let places: PlaceWatch
    private let epoll: Epoll

    init() throws {
        epoll = try Epoll(capacity: 8)
        places = try PlaceWatch()
    }

    func setWatching(_ isWatching: Bool) throws {
        try places.setWatching(isWatching, in: epoll)
    }

    /// Whether a take is reported; forgets it then, as a turn does.
    func hearsTake() -> Bool {
        guard epoll.wait(milliseconds: 0) > 0 else { return false }
        guard epoll.event(at: 0).token == Source.places.token() else { return false }
        places.hasNews = true
        places.drain()
        return true
    }
}
