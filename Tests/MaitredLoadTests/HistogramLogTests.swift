// SPDX-License-Identifier: Apache-2.0

import Histogram
import Testing

@testable import MaitredLoad

struct HistogramLogTests {
    private func histogram(_ values: [UInt64]) -> Histogram<UInt64> {
        var histogram = LoadResult.emptyHistogram()
        for value in values { histogram.record(value) }
        return histogram
    }

    /// Big-endian, at a place.
    private func number(_ bytes: [UInt8], at start: Int, _ count: Int) -> UInt64 {
        bytes[start..<start + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The counts of a plain encoding, by bucket.
    private func counts(_ bytes: ArraySlice<UInt8>) -> [Int: Int64] {
        var counts: [Int: Int64] = [:]
        var bucket = 0
        var rest = bytes
        while !rest.isEmpty {
            var word: UInt64 = 0
            for place in 0..<9 {
                let byte = rest.removeFirst()
                word |= UInt64(place < 8 ? byte & 0x7F : byte) << (7 * place)
                if place == 8 || byte & 0x80 == 0 { break }
            }
            let count = Int64(bitPattern: word >> 1) ^ -Int64(bitPattern: word & 1)
            if count < 0 {
                bucket += Int(-count)
            } else {
                counts[bucket] = count
                bucket += 1
            }
        }
        return counts
    }

    @Test func `the head says digits and range, and the length is that of the counts`() {
        let bytes = HistogramLog.encoded(histogram([1, 1, 2000]))
        #expect(number(bytes, at: 0, 4) == 0x1c84_9313)
        #expect(number(bytes, at: 4, 4) == UInt64(bytes.count - 40))
        #expect(number(bytes, at: 8, 4) == 0)
        #expect(number(bytes, at: 12, 4) == 3)
        #expect(number(bytes, at: 16, 8) == 1)
        #expect(number(bytes, at: 24, 8) == 3_600_000_000_000)
        #expect(number(bytes, at: 32, 8) == (1.0).bitPattern)
    }

    /// With three digits the first 2,048 values have a bucket each.
    @Test func `buckets are counted from the first on, empty ones in one number`() {
        let bytes = HistogramLog.encoded(histogram([1, 1, 2000, 2000, 2000]))
        #expect(counts(bytes[40...]) == [1: 2, 2000: 3])
        #expect(counts(HistogramLog.encoded(histogram([]))[40...]).isEmpty)
        #expect(counts(HistogramLog.encoded(histogram([0]))[40...]) == [0: 1])
    }

    @Test func `large counts take up to nine bytes`() {
        var many = LoadResult.emptyHistogram()
        many.record(5, count: 1 << 40)
        #expect(counts(HistogramLog.encoded(many)[40...]) == [5: 1 << 40])
    }

    @Test(arguments: [0, 1, 1000, 65_535, 65_536, 200_000])
    func `the stream has the bytes in blocks, and their sum`(size: Int) {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var stream = ZlibStream.stored(bytes)[...]
        #expect(stream.prefix(2).elementsEqual([0x78, 0x01]))
        #expect((Int(stream[0]) << 8 | Int(stream[1])) % 31 == 0)
        stream = stream.dropFirst(2)
        var found: [UInt8] = []
        var isLast = false
        while !isLast {
            let head = Array(stream.prefix(5))
            let length = Int(head[1]) | Int(head[2]) << 8
            #expect(length ^ 0xFFFF == Int(head[3]) | Int(head[4]) << 8)
            isLast = head[0] == 1
            stream = stream.dropFirst(5)
            found += stream.prefix(length)
            stream = stream.dropFirst(length)
        }
        #expect(found == bytes)
        #expect(stream.count == 4)
    }

    /// RFC 1950's sum of "Wikipedia" is 0x11E60398, as everybody's is.
    @Test func `the sum is Adler-32`() {
        #expect(ZlibStream.stored(Array("Wikipedia".utf8)).suffix(4).elementsEqual([0x11, 0xE6, 0x03, 0x98]))
    }

    /// The examples of RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base64 has padding`(text: String, expected: String) {
        #expect(HistogramLog.base64(Array(text.utf8)) == expected)
    }

    @Test func `a log has a heading and a line`() {
        let log = HistogramLog.text(of: histogram([2_500_000]), startedAt: 1_700_000_000.25, seconds: 10.5)
        let lines = log.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[0] == "#[Histogram log format version 1.3]")
        #expect(lines[1] == "#[StartTime: 1700000000.250 (seconds since epoch)]")
        #expect(lines[4].hasPrefix("0.000,10.500,2.50"))
        #expect(lines[4].contains(",HISTFAAA"))
    }
}
