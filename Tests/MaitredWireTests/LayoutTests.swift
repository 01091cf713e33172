// SPDX-License-Identifier: Apache-2.0

import CMaitredWire
import Testing

/// Swift must see the header as C does. The numbers are those of docs/PROTOCOL.md, which other languages copy.
struct LayoutTests {
    @Test func `a packet is 64 bytes, field by field`() {
        typealias Packet = maitred_packet
        #expect(MemoryLayout<Packet>.size == 64 && MemoryLayout<Packet>.stride == 64)
        #expect(MemoryLayout<Packet>.offset(of: \.magic) == 0)
        #expect(MemoryLayout<Packet>.offset(of: \.version) == 4)
        #expect(MemoryLayout<Packet>.offset(of: \.flags) == 6)
        #expect(MemoryLayout<Packet>.offset(of: \.listener) == 8)
        #expect(MemoryLayout<Packet>.offset(of: \.peer_length) == 12)
        #expect(MemoryLayout<Packet>.offset(of: \.sequence) == 16)
        #expect(MemoryLayout<Packet>.offset(of: \.accepted_ns) == 24)
        #expect(MemoryLayout<Packet>.offset(of: \.peer) == 32)
        #expect(MemoryLayout<Packet>.offset(of: \.reserved) == 60)
    }

    @Test func `a control head is 16 bytes, field by field`() {
        typealias Head = maitred_control_head
        #expect(MemoryLayout<Head>.size == 16 && MemoryLayout<Head>.stride == 16)
        #expect(MemoryLayout<Head>.offset(of: \.version) == 0)
        #expect(MemoryLayout<Head>.offset(of: \.type) == 2)
        #expect(MemoryLayout<Head>.offset(of: \.flags) == 4)
        #expect(MemoryLayout<Head>.offset(of: \.reserved) == 6)
        #expect(MemoryLayout<Head>.offset(of: \.stream) == 8)
    }

    @Test func `a page's header is 128 bytes, field by field`() {
        typealias Header = maitred_page_header
        #expect(MemoryLayout<Header>.size == 128)
        #expect(MemoryLayout<Header>.offset(of: \.magic) == 0)
        #expect(MemoryLayout<Header>.offset(of: \.version) == 4)
        #expect(MemoryLayout<Header>.offset(of: \.row_count) == 8)
        #expect(MemoryLayout<Header>.offset(of: \.row_size) == 12)
        #expect(MemoryLayout<Header>.offset(of: \.drain) == 16)
        #expect(MemoryLayout<Header>.offset(of: \.doorbell) == 64)
        #expect(MemoryLayout<Header>.offset(of: \.high_water) == 68)
    }

    @Test func `a row is 128 bytes, field by field`() {
        typealias Row = maitred_row
        #expect(MemoryLayout<Row>.size == 128 && MemoryLayout<Row>.stride == 128)
        let offsets = [
            MemoryLayout<Row>.offset(of: \.pid), MemoryLayout<Row>.offset(of: \.start_time),
            MemoryLayout<Row>.offset(of: \.taken), MemoryLayout<Row>.offset(of: \.holds),
            MemoryLayout<Row>.offset(of: \.requests), MemoryLayout<Row>.offset(of: \.errors),
            MemoryLayout<Row>.offset(of: \.heartbeat_ns), MemoryLayout<Row>.offset(of: \.memory),
            MemoryLayout<Row>.offset(of: \.cpu_ns), MemoryLayout<Row>.offset(of: \.knocks),
        ]
        #expect(offsets == Array(stride(from: 0, to: 80, by: 8)))
    }

    @Test func `the magic numbers spell what they are`() {
        #expect(withUnsafeBytes(of: MAITRED_PACKET_MAGIC.littleEndian) { Array($0) } == Array("mtrd".utf8))
        #expect(withUnsafeBytes(of: MAITRED_PAGE_MAGIC.littleEndian) { Array($0) } == Array("mtrp".utf8))
    }

    @Test func `all rows fit the page, and the last one exactly`() {
        #expect(128 + Int(MAITRED_ROW_COUNT) * 128 == Int(MAITRED_PAGE_SIZE))
    }
}
