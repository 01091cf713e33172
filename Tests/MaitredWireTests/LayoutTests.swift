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

    @Test func `a header, 119 rows and 128 counts of latency fill the page`() {
        #expect(MAITRED_ROW_COUNT == 119 && MAITRED_LATENCY_COUNT == 128)
        #expect(128 + Int(MAITRED_ROW_COUNT) * 128 == 15360 && MAITRED_LATENCY_OFFSET == 15360)
        #expect(15360 + Int(MAITRED_LATENCY_COUNT) * 8 == 16384 && MAITRED_PAGE_SIZE == 16384)
    }

    @Test(
        arguments: [
            (0, 0), (1, 0), (1023, 0), (1024, 1), (1279, 1), (1280, 2), (1536, 3), (1792, 4), (2047, 4), (2048, 5),
            (1_000_000, 40), (1_048_576, 41), (1_000_000_000, 80), (3_298_534_883_327, 126), (3_298_534_883_328, 127),
            (.max, 127),
        ] as [(UInt64, UInt32)]
    )
    func `a wait has its bucket`(nanoseconds: UInt64, bucket: UInt32) {
        #expect(maitred_latency_bucket(nanoseconds) == bucket)
    }

    @Test func `buckets follow each other without a gap, and are a quarter wide at most`() {
        #expect(maitred_latency_floor(0) == 0)
        #expect(maitred_latency_floor(1) == 1024)
        for bucket in UInt32(1)..<128 {
            let floor = maitred_latency_floor(bucket)
            #expect(maitred_latency_bucket(floor) == bucket)
            #expect(maitred_latency_bucket(floor - 1) == bucket - 1)
            #expect(bucket == 1 || Double(floor) / Double(maitred_latency_floor(bucket - 1)) <= 1.25)
        }
        #expect(maitred_latency_floor(128) == maitred_latency_floor(127))
        #expect(maitred_latency_floor(.max) == maitred_latency_floor(127))
    }
}
