// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ControlReaderTests {
    @Test func `packets come one at a time, then nothing, then the end`() throws {
        let pair = try PacketSocket.pair()
        let near = pair.takeFirst()
        let reader = ControlReader()
        do {
            let far = pair.takeSecond()
            #expect(reader.next(from: near) == .wouldBlock)
            #expect(far.send(ControlHead(.message, stream: 3).encoded(body: [1, 2])) == .sent)
            #expect(far.send(ControlHead(.bell).encoded()) == .sent)
            #expect(reader.next(from: near) == .packet(ControlHead(.message, stream: 3), body: [1, 2]))
            #expect(reader.next(from: near) == .packet(ControlHead(.bell), body: []))
            #expect(reader.next(from: near) == .wouldBlock)
        }
        #expect(reader.next(from: near) == .closed)
    }

    @Test func `the longest packet is received whole, a longer one is refused and the channel goes on`() throws {
        let pair = try PacketSocket.pair()
        let near = pair.takeFirst()
        let far = pair.takeSecond()
        let reader = ControlReader()
        let body = [UInt8](repeating: 7, count: ControlHead.bodyLimit)
        #expect(far.send(ControlHead(.message).encoded(body: body[...])) == .sent)
        #expect(reader.next(from: near) == .packet(ControlHead(.message), body: body))
        #expect(far.send(ControlHead(.message).encoded(body: (body + [0])[...])) == .sent)
        #expect(far.send(ControlHead(.ready).encoded()) == .sent)
        #expect(reader.next(from: near) == .refused(.tooLarge(what: "a control packet", limit: 65536)))
        #expect(reader.next(from: near) == .packet(ControlHead(.ready), body: []))
    }

    @Test func `what is not of this wire is refused, and the channel goes on`() throws {
        let pair = try PacketSocket.pair()
        let near = pair.takeFirst()
        let far = pair.takeSecond()
        let reader = ControlReader()
        #expect(far.send([1]) == .sent)
        #expect(far.send([UInt8](repeating: 9, count: 16)) == .sent)
        #expect(far.send(ControlHead(.ready).encoded()) == .sent)
        #expect(reader.next(from: near) == .refused(.length(of: "a control packet", found: 1, wanted: 16)))
        #expect(reader.next(from: near) == .refused(.version(of: "a control packet", found: 0x0909)))
        #expect(reader.next(from: near) == .packet(ControlHead(.ready), body: []))
    }

    @Test func `kinds without a body have none, whatever was sent`() throws {
        let pair = try PacketSocket.pair()
        let near = pair.takeFirst()
        let far = pair.takeSecond()
        let reader = ControlReader()
        let body = [UInt8](repeating: 1, count: 60_000)
        for type in [ControlType.ready, .bell, .drain] {
            #expect(far.send(ControlHead(type).encoded(body: body[...])) == .sent)
            #expect(reader.next(from: near) == .packet(ControlHead(type), body: []))
        }
        var unknown = ControlHead(.message)
        unknown.type = 99
        #expect(far.send(unknown.encoded(body: body[...])) == .sent)
        #expect(reader.next(from: near) == .packet(unknown, body: []))
    }

    @Test func `descriptors that come along are closed`() async {
        await #expect(processExitsWith: .success) {
            let pair = try PacketSocket.pair()
            let near = pair.takeFirst()
            let far = pair.takeSecond()
            let reader = ControlReader()
            let null = try Descriptor.null()
            let before = openDescriptorCount()
            let packet = ControlHead(.ready).encoded()
            for _ in 0..<50 {
                #expect(packet.withUnsafeBytes { far.send($0, attaching: null.number) } == .sent)
                #expect(reader.next(from: near) == .packet(ControlHead(.ready), body: []))
            }
            #expect(openDescriptorCount() == before)
        }
    }

    /// A worker that dies with the master's packet unread must not take its own last words along.
    @Test func `what a worker said before it died is heard`() throws {
        let pair = try PacketSocket.pair()
        let near = pair.takeFirst()
        do {
            let far = pair.takeSecond()
            #expect(near.send(ControlHead(.drain).encoded()) == .sent)
            #expect(far.send(ControlHead(.message).encoded(body: [1])) == .sent)
        }
        let reader = ControlReader()
        #expect(reader.next(from: near) == .packet(ControlHead(.message), body: [1]))
        #expect(reader.next(from: near) == .closed)
    }
}
