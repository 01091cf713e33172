// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import CMaitredWire
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredWire

@Suite(.timeLimit(.minutes(5)))
struct HandoffChannelTests {
    @Test func `a connection goes through and works`() throws {
        var door = try Door()
        let client = try TestClient(door.address)
        let channel = try HandoffChannel(queueDepth: 16)
        let worker = try workerSide(of: channel)
        do {
            var packet = HandoffPacket()
            let connection = try door.accept(into: &packet, listener: 3)
            #expect(channel.hand(packet, connection) == .sent)
        }
        #expect(channel.waiting == 1)
        guard case .connection(let connection, let packet) = worker.take() else {
            Issue.record("nothing was taken")
            return
        }
        #expect(packet.listener == 3)
        #expect(try packet.peer?.description == client.localAddress())
        #expect(fcntl(connection.number, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(connection.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(write(connection.number, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 41) == 41)
        #expect(try client.response().body == "hi")
        #expect(channel.waiting == 0)
    }

    @Test func `connections are taken in the order in which they were handed, knocks among them`() throws {
        let channel = try HandoffChannel(queueDepth: 16)
        let worker = try workerSide(of: channel)
        for number: UInt64 in 1...3 { #expect(try hand(channel, sequence: number) == .sent) }
        #expect(channel.knock() == .sent)
        #expect(try hand(channel, sequence: 4) == .sent)
        #expect(channel.waiting == 5)
        #expect(take(worker) == .connection(1))
        #expect(takeBack(channel) == .connection(2))
        #expect(take(worker) == .connection(3))
        #expect(take(worker) == .knock)
        #expect(takeBack(channel) == .connection(4))
        #expect(take(worker) == .empty)
        #expect(takeBack(channel) == .empty)
    }

    @Test func `what waits is counted exactly, whoever took`() throws {
        let channel = try HandoffChannel(queueDepth: 64)
        let worker = try workerSide(of: channel)
        for number in 1...64 {
            #expect(try hand(channel, sequence: UInt64(number)) == .sent)
            #expect(channel.waiting == number)
        }
        for left in (0..<64).reversed() {
            _ = left.isMultiple(of: 2) ? take(worker) : takeBack(channel)
            #expect(channel.waiting == left)
        }
    }

    @Test func `the oldest waiting connection can be looked at`() throws {
        let channel = try HandoffChannel(queueDepth: 16)
        #expect(channel.oldestSequence() == nil)
        for number: UInt64 in 5...7 { #expect(try hand(channel, sequence: number) == .sent) }
        #expect(channel.oldestSequence() == 5)
        #expect(takeBack(channel) == .connection(5))
        #expect(channel.oldestSequence() == 6)
        #expect(channel.waiting == 2)
    }

    @Test func `a full channel says so, and takes again when one was taken`() throws {
        let channel = try HandoffChannel(queueDepth: 1)
        var sent = 0
        while try hand(channel, sequence: UInt64(sent)) == .sent { sent += 1 }
        #expect(sent > 1)
        #expect(try hand(channel) == .wouldBlock)
        #expect(channel.knock() == .wouldBlock)
        #expect(channel.waiting == sent)
        while takeBack(channel) != .empty {}
        #expect(try hand(channel) == .sent)
    }

    @Test(arguments: [1, 2, 16, 64])
    func `every packet that a worker takes is reported, to the fullest queue`(depth: Int) throws {
        let channel = try HandoffChannel(queueDepth: depth)
        let worker = try workerSide(of: channel)
        let epoll = try Epoll(capacity: 4)
        try epoll.add(channel.masterEnd.descriptor, [.writable, .edge], EpollToken(kind: 1, identity: 1))
        #expect(channel.knock() == .sent)
        for number in 1...depth { #expect(try hand(channel, sequence: UInt64(number)) == .sent) }
        // The registration itself reports once.
        while epoll.wait(milliseconds: 0) > 0 {}
        for left in (0...depth).reversed() {
            #expect(take(worker) != .empty)
            #expect(epoll.wait(milliseconds: 1000) == 1, "\(left) left")
            #expect(epoll.event(at: 0).readiness.contains(.writable))
            #expect(epoll.wait(milliseconds: 0) == 0)
        }
    }

    @Test func `nothing that a worker writes arrives`() throws {
        let channel = try HandoffChannel(queueDepth: 16)
        let end = try PacketSocket(owning: channel.workerEnd.descriptor.duplicate())
        #expect(end.send([1, 2, 3]) == .closed(errno: EPIPE))
        #expect(channel.masterEnd.waitingBytes() == 0)
        #expect(try hand(channel, sequence: 9) == .sent)
        #expect(takeBack(channel) == .connection(9))
    }

    @Test func `what a worker did not take is taken back after it closed its end`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let channel = try HandoffChannel(queueDepth: 16)
                do {
                    let worker = try workerSide(of: channel)
                    for number: UInt64 in 1...10 { #expect(try hand(channel, sequence: number) == .sent) }
                    #expect(take(worker) == .connection(1))
                }
                for number: UInt64 in 2...10 { #expect(takeBack(channel) == .connection(number)) }
                #expect(takeBack(channel) == .empty)
                #expect(try hand(channel, sequence: 11) == .sent)
                #expect(takeBack(channel) == .connection(11))
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `what a worker did not take is taken back after it shut its end down`() throws {
        let channel = try HandoffChannel(queueDepth: 16)
        for number: UInt64 in 1...3 { #expect(try hand(channel, sequence: number) == .sent) }
        shutdown(channel.workerEnd.descriptor.number, Int32(SHUT_RDWR))
        #expect(try hand(channel, sequence: 4) == .closed(errno: EPIPE))
        #expect(channel.waiting == 3)
        for number: UInt64 in 1...3 { #expect(takeBack(channel) == .connection(number)) }
        #expect(takeBack(channel) == .empty)
    }

    @Test(arguments: [SIGSTOP, SIGKILL])
    func `what a stopped or killed worker did not take is taken back`(signal: Int32) async {
        await #expect(processExitsWith: .success) { [signal = signal as Int32] in
            let channel = try HandoffChannel(queueDepth: 16)
            let child = try ChildProcess.spawn(
                SpawnPlan(
                    path: "/bin/sleep",
                    arguments: ["sleep", "60"],
                    environment: [],
                    descriptors: [channel.workerEnd.descriptor.number],
                    descriptorLimit: .current()
                )
            )
            for number: UInt64 in 1...5 { #expect(try hand(channel, sequence: number) == .sent) }
            child.signal(signal)
            for number: UInt64 in 1...5 { #expect(takeBack(channel) == .connection(number)) }
            #expect(takeBack(channel) == .empty)
            child.signal(SIGKILL)
            #expect(eventually { child.reap() != nil })
        }
    }

    @Test func `a worker hears that the master is gone once it has taken everything`() throws {
        let worker: WorkerChannel
        do {
            let channel = try HandoffChannel(queueDepth: 16)
            worker = try workerSide(of: channel)
            #expect(try hand(channel, sequence: 1) == .sent)
        }
        #expect(take(worker) == .connection(1))
        #expect(take(worker) == .closed)
    }

    /// A receive at the limit would lose the connection for good.
    @Test func `at its descriptor limit a worker leaves the connection in the channel`() async {
        await #expect(processExitsWith: .success) {
            let channel = try HandoffChannel(queueDepth: 16)
            var worker: WorkerChannel?
            #expect(try hand(channel, sequence: 1) == .sent)
            #expect(channel.knock() == .sent)
            setSoftLimit(200)
            worker = try workerSide(of: channel)
            try withDescriptorsExhausted {
                for _ in 0..<3 { #expect(worker.map(take) == .descriptorLimit) }
                #expect(channel.waiting == 2)
            }
            let before = openDescriptorCount()
            #expect(worker.map(take) == .connection(1))
            #expect(worker.map(take) == .knock)
            #expect(worker.map(take) == .empty)
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `at its descriptor limit the master leaves the connection in the channel`() async {
        await #expect(processExitsWith: .success) {
            let channel = try HandoffChannel(queueDepth: 16)
            #expect(channel.takeBackObstacle() == nil)
            #expect(try hand(channel, sequence: 1) == .sent)
            #expect(channel.takeBackObstacle() == nil)
            try withDescriptorsExhausted {
                #expect(channel.takeBackObstacle() == EMFILE)
                #expect(channel.waiting == 1)
            }
            #expect(channel.takeBackObstacle() == nil)
            #expect(takeBack(channel) == .connection(1))
        }
    }

    @Test func `with one descriptor left a worker takes, and a knock needs none`() async {
        await #expect(processExitsWith: .success) {
            let channel = try HandoffChannel(queueDepth: 16)
            #expect(try hand(channel, sequence: 1) == .sent)
            setSoftLimit(200)
            let worker = try workerSide(of: channel)
            try withDescriptorsExhausted(leaving: 1) { #expect(take(worker) == .connection(1)) }
            #expect(channel.knock() == .sent)
            try withDescriptorsExhausted { #expect(take(worker) == .knock) }
        }
    }

    @Test func `what is not of this wire is refused on both sides, and its descriptor closed`() async {
        await #expect(processExitsWith: .success) {
            let channel = try HandoffChannel(queueDepth: 16)
            let worker = try workerSide(of: channel)
            let null = try Descriptor.null()
            var raw = maitred_packet()
            raw.magic = MAITRED_PACKET_MAGIC
            raw.version = UInt16(MAITRED_WIRE_VERSION)
            let good = withUnsafeBytes(of: raw) { Array($0) }
            let before = openDescriptorCount()
            let cases: [([UInt8], Int32?, WireError)] = [
                ([UInt8](repeating: 0, count: 64), null.number, .magic(of: "a packet")),
                ([1, 2, 3], null.number, .length(of: "a packet", found: 3, wanted: 64)),
                (good + [0], null.number, .descriptorMissing),
                (good, nil, .descriptorMissing),
            ]
            for (bytes, number, error) in cases {
                for side in 0..<2 {
                    let sent = bytes.withUnsafeBytes { channel.masterEnd.send($0, attaching: number) }
                    #expect(sent == .sent)
                    #expect((side == 0 ? take(worker) : takeBack(channel)) == .refused(error))
                }
            }
            #expect(openDescriptorCount() == before)
        }
    }

    /// Takes and take-backs race here: each packet has exactly one receiver.
    @Test func `no connection is taken twice or lost, whoever is first`() throws {
        let shared = SharedChannel(try HandoffChannel(queueDepth: 64))
        let total = 4000
        let results = TakeLog()
        let handed = startThread {
            var sent = 0
            while sent < total {
                if (try? hand(shared.channel, sequence: UInt64(sent))) == .sent {
                    sent += 1
                } else {
                    _ = poll(nil, 0, 1)
                }
            }
        }
        let sides = try (0..<3).map { _ in try workerSide(of: shared.channel) }
        inThreads(4) { index in
            while results.count < total {
                let outcome = index == 3 ? takeBack(shared.channel) : take(sides[index])
                if case .connection(let sequence) = outcome { results.add(sequence) } else { _ = poll(nil, 0, 1) }
            }
        }
        pthread_join(handed, nil)
        #expect(results.sorted == (0..<UInt64(total)).map { $0 })
        #expect(shared.channel.waiting == 0)
    }

    @Test func `a channel leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let channel = try HandoffChannel(queueDepth: 16)
                #expect(openDescriptorCount() == before + 2)
                _ = try hand(channel)
                #expect(openDescriptorCount() == before + 2)
            }
            #expect(openDescriptorCount() == before)
        }
    }
}

/// Lets two threads of a test play the master: one hands, one takes back. Each end is one descriptor, which may be shared.
private final class SharedChannel: @unchecked Sendable {
    let channel: HandoffChannel

    init(_ channel: HandoffChannel) {
        self.channel = channel
    }
}
