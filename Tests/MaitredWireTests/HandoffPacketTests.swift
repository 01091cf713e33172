// SPDX-License-Identifier: Apache-2.0

import CMaitredWire
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredWire

@Suite(.timeLimit(.minutes(5)))
struct HandoffPacketTests {
    @Test func `an accepted connection is described`() throws {
        var door = try Door()
        let client = try TestClient(door.address, from: "127.0.0.5")
        var packet = HandoffPacket()
        let before = MonotonicClock.nanoseconds()
        _ = try door.accept(into: &packet, listener: 7)
        #expect(packet.listener == 7)
        #expect(packet.sequence == 1)
        #expect(packet.acceptedNanoseconds >= before && packet.acceptedNanoseconds <= MonotonicClock.nanoseconds())
        #expect(!packet.isKnock)
        #expect(packet.refusal(length: 64) == nil)
        #expect(try packet.peer?.description == client.localAddress())
        #expect(packet.client?.high == 0)
        #expect(packet.client?.low == 0xffff_7f00_0005)
    }

    @Test func `the address of an IPv6 client, and of one that has reset, is kept`() throws {
        var door = try Door("::1")
        let client = try TestClient(door.address)
        let name = try client.localAddress()
        client.reset()
        var packet = HandoffPacket()
        _ = try door.accept(into: &packet)
        #expect(packet.peer?.description == name)
        #expect(packet.client?.high == 0)
        #expect(packet.client?.low == 1)
    }

    @Test func `an accept into a packet that was a knock makes a connection of it`() throws {
        var door = try Door()
        let client = try TestClient(door.address)
        var packet = packet(maitred_packet())
        packet.withMutableBytes { bytes in for index in bytes.indices { bytes[index] = 0xff } }
        #expect(packet.isKnock)
        _ = try door.accept(into: &packet)
        #expect(!packet.isKnock)
        #expect(packet.refusal(length: 64) == nil)
        client.close()
    }

    @Test func `a knock is a packet of this wire without an address`() {
        #expect(HandoffPacket.knock.isKnock)
        #expect(HandoffPacket.knock.refusal(length: 64) == nil)
        #expect(HandoffPacket.knock.peer == nil)
        #expect(HandoffPacket.knock.client == nil)
        #expect(HandoffPacket.knock.sequence == 0)
    }

    @Test(arguments: [0, 1, 63, 65, 65536])
    func `a packet of another length is refused`(length: Int) {
        #expect(HandoffPacket().refusal(length: length) == .length(of: "a packet", found: length, wanted: 64))
    }

    @Test func `a stranger's bytes and another version are refused`() {
        var raw = maitred_packet()
        #expect(packet(raw).refusal(length: 64) == .magic(of: "a packet"))
        raw.magic = MAITRED_PACKET_MAGIC
        #expect(packet(raw).refusal(length: 64) == .version(of: "a packet", found: 0))
        raw.version = 2
        #expect(packet(raw).refusal(length: 64) == .version(of: "a packet", found: 2))
        raw.version = 1
        #expect(packet(raw).refusal(length: 64) == nil)
    }

    @Test func `unknown flags are ignored`() {
        var raw = maitred_packet()
        raw.magic = MAITRED_PACKET_MAGIC
        raw.version = 1
        raw.flags = 0xfffe
        #expect(packet(raw).refusal(length: 64) == nil)
        #expect(!packet(raw).isKnock)
    }

    @Test func `an address that claims more bytes than there are is read as far as it goes`() {
        var raw = maitred_packet()
        raw.peer_length = .max
        withUnsafeMutableBytes(of: &raw.peer) { $0.copyBytes(from: TestAddress.ipv6(port: 99).sockaddr) }
        #expect(packet(raw).peer?.description == "[::1]:99")
        #expect(packet(raw).client?.low == 1)
        for length: UInt32 in 0..<28 {
            raw.peer_length = length
            #expect(packet(raw).peer == nil)
            #expect(packet(raw).client == nil)
        }
    }

    @Test func `no bytes make it trap`() {
        var random = SeededRandom(seed: 2)
        for _ in 0..<100_000 {
            var packet = HandoffPacket()
            packet.withMutableBytes { bytes in
                for offset in stride(from: 0, to: 64, by: 8) {
                    bytes.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
                }
                // Often enough a family that is known.
                bytes[32] = [1, 2, 10, bytes[32]].randomElement(using: &random)!
                bytes[33] = 0
            }
            _ = (packet.refusal(length: 64), packet.isKnock, packet.listener, packet.sequence)
            _ = (packet.peer?.description, packet.client?.low, packet.acceptedNanoseconds)
        }
    }
}
