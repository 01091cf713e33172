// SPDX-License-Identifier: Apache-2.0

import CMaitredWire
import MaitredTesting
import Testing

@testable import MaitredWire

@Suite(.timeLimit(.minutes(5)))
struct ControlPacketTests {
    @Test func `the kinds are those of the header`() {
        #expect(ControlType.ready.rawValue == UInt16(MAITRED_CONTROL_READY.rawValue))
        #expect(ControlType.bell.rawValue == UInt16(MAITRED_CONTROL_BELL.rawValue))
        #expect(ControlType.message.rawValue == UInt16(MAITRED_CONTROL_MESSAGE.rawValue))
        #expect(ControlType.drain.rawValue == UInt16(MAITRED_CONTROL_DRAIN.rawValue))
        #expect([ControlType.ready, .bell, .drain].allSatisfy { !$0.hasBody } && ControlType.message.hasBody)
    }

    @Test(arguments: [ControlType.ready, .bell, .message, .drain], [false, true])
    func `a head survives the way`(type: ControlType, more: Bool) throws {
        let head = ControlHead(type, more: more, stream: 0x0123_4567_89ab_cdef)
        let packet = head.encoded(body: [1, 2, 3])
        #expect(packet.count == 19)
        #expect(try decode(packet) == head)
        #expect(Array(packet[16...]) == [1, 2, 3])
    }

    @Test(arguments: 0..<16)
    func `a packet without a whole head is refused`(length: Int) {
        let packet = Array(ControlHead(.ready).encoded().prefix(length))
        #expect(throws: WireError.length(of: "a control packet", found: length, wanted: 16)) { try decode(packet) }
    }

    @Test(arguments: [UInt16(0), 2, 0x0100, .max])
    func `another version is refused`(version: UInt16) {
        var packet = ControlHead(.ready).encoded()
        packet[0] = UInt8(truncatingIfNeeded: version)
        packet[1] = UInt8(version >> 8)
        #expect(throws: WireError.version(of: "a control packet", found: Int(version))) { try decode(packet) }
    }

    @Test func `unknown kinds and flags pass, to be ignored`() throws {
        var packet = ControlHead(.message, stream: 5).encoded()
        packet[2] = 200
        packet[4] = 0xfe
        let head = try decode(packet)
        #expect(head.type == 200)
        #expect(!head.more)
        #expect(ControlType(rawValue: head.type) == nil)
    }

    // MARK: - Fragments

    @Test(arguments: [0, 1, 65519, 65520, 65521, 131_040, 131_041, 1_000_000])
    func `a message is cut into packets of 64 KiB and put together again`(size: Int) throws {
        let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let packets = Array(ControlFragments(.message, stream: 9, body: message))
        #expect(packets.count == max(1, (size + 65519) / 65520))
        #expect(packets.allSatisfy { $0.count <= 65536 })
        var assembler = ControlAssembler()
        var whole: [[UInt8]] = []
        for packet in packets {
            if let message = try assembler.add(decode(packet), packet[16...]) { whole.append(message) }
        }
        #expect(whole == [message])
    }

    @Test func `messages of several streams may interleave`() throws {
        var assembler = ControlAssembler()
        let first = Array(ControlFragments(.message, stream: 1, body: [UInt8](repeating: 1, count: 200_000)))
        let second = Array(ControlFragments(.message, stream: 2, body: [UInt8](repeating: 2, count: 200_000)))
        var whole: [[UInt8]] = []
        for packet in zip(first, second).flatMap({ [$0, $1] }) {
            if let message = try assembler.add(decode(packet), packet[16...]) { whole.append(message) }
        }
        #expect(whole.map { Set($0) } == [[1], [2]])
        #expect(whole.allSatisfy { $0.count == 200_000 })
    }

    @Test func `a stream can be used again once its message is whole`() throws {
        var assembler = ControlAssembler()
        for byte: UInt8 in 1...3 {
            #expect(try assembler.add(ControlHead(.message, more: true, stream: 4), [byte]) == nil)
            #expect(try assembler.add(ControlHead(.message, stream: 4), [byte]) == [byte, byte])
        }
    }

    /// The tail of a refused message would otherwise pass for a message of its own.
    @Test func `of a message that is too long nothing arrives, and the next one does`() throws {
        var assembler = ControlAssembler(messageLimit: 10)
        let more = ControlHead(.message, more: true, stream: 1)
        let last = ControlHead(.message, stream: 1)
        #expect(try assembler.add(more, [UInt8](repeating: 0, count: 10)) == nil)
        #expect(throws: WireError.tooLarge(what: "a message", limit: 10)) { try assembler.add(more, [1]) }
        #expect(try assembler.add(more, [2]) == nil)
        #expect(try assembler.add(last, [3]) == nil)
        #expect(try assembler.add(last, [4]) == [4])
        #expect(throws: WireError.tooLarge(what: "a message", limit: 10)) {
            try assembler.add(last, [UInt8](repeating: 0, count: 11))
        }
        #expect(try assembler.add(last, [5]) == [5])
    }

    @Test func `messages under way are bounded, whole ones are not held up`() throws {
        var assembler = ControlAssembler(streamLimit: 2)
        for stream: UInt64 in 1...2 {
            #expect(try assembler.add(ControlHead(.message, more: true, stream: stream), [1]) == nil)
        }
        #expect(throws: WireError.tooLarge(what: "messages under way", limit: 2)) {
            try assembler.add(ControlHead(.message, more: true, stream: 3), [1])
        }
        #expect(try assembler.add(ControlHead(.message, stream: 4), [7]) == [7])
        #expect(try assembler.add(ControlHead(.message, stream: 1), [2]) == [1, 2])
        #expect(try assembler.add(ControlHead(.message, stream: 3), [9]) == nil)
        #expect(try assembler.add(ControlHead(.message, more: true, stream: 3), [1]) == nil)
        #expect(try assembler.add(ControlHead(.message, stream: 3), [2]) == [1, 2])
    }

    @Test func `no bytes make it trap, and what is gathered stays bounded`() throws {
        var random = SeededRandom(seed: 3)
        var assembler = ControlAssembler(messageLimit: 4096, streamLimit: 8)
        var decoded = 0
        for _ in 0..<100_000 {
            var packet = random.bytes(Int.random(in: 0...80, using: &random))
            if packet.count > 1, Bool.random(using: &random) { packet.replaceSubrange(0..<2, with: [1, 0]) }
            if packet.count > 15, Bool.random(using: &random) {
                packet.replaceSubrange(8..<16, with: [UInt8.random(in: 0...20, using: &random), 0, 0, 0, 0, 0, 0, 0])
            }
            do throws(WireError) {
                let head = try decode(packet)
                decoded += 1
                if let message = try assembler.add(head, packet[16...]) { #expect(message.count <= 4096) }
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(decoded > 10_000)
    }
}

private func decode(_ packet: [UInt8]) throws(WireError) -> ControlHead {
    var result = Result<ControlHead, WireError>.failure(.descriptorMissing)
    packet.withUnsafeBytes { bytes in
        result = Result { () throws(WireError) in try ControlHead(decoding: bytes) }
    }
    return try result.get()
}
