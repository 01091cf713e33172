// SPDX-License-Identifier: Apache-2.0

package import Histogram

// The log format of HdrHistogram, which its viewers and libraries in other languages read.
//
//      #[…]                                   comments: what it is, when it began
//      "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
//      0.000,10.000,12.345,HISTFAAA…          one line for each interval: base64 of
//
//      0x1c849314 | length | zlib( 0x1c849313 | length | 0 | digits | lowest | highest | 1.0 | counts )
//
// Counts are a ZigZag LEB128 number for each bucket from the first on, a negative one for so many empty buckets. The
// layout is that of HdrHistogram's "V2 compressed encoding". Ours is not compressed: deflate allows stored blocks (RFC
// 1951, 3.2.4), and a few kilobytes more are cheaper than a library.

/// A histogram as a line of a log.
package enum HistogramLog {
    /// Nanoseconds in the unit of "Interval_Max", which is a millisecond.
    private static let unit = 1_000_000.0

    private static let compressedCookie: UInt32 = 0x1c84_9314
    private static let plainCookie: UInt32 = 0x1c84_9313

    /// A whole log with one interval.
    ///
    /// - Parameters:
    ///   - histogram: Latencies in nanoseconds.
    ///   - startedAt: Seconds since 1970.
    ///   - seconds: How long the interval was.
    /// - Returns: Lines, the last with its end.
    package static func text(of histogram: Histogram<UInt64>, startedAt: Double, seconds: Double) -> String {
        """
        #[Histogram log format version 1.3]
        #[StartTime: \(fixed(startedAt)) (seconds since epoch)]
        #[BaseTime: \(fixed(startedAt)) (seconds since epoch)]
        "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
        0.000,\(fixed(seconds)),\(fixed(Double(histogram.maxRecorded) / unit)),\(base64(compressed(histogram)))

        """
    }

    /// Cookie, length, and the plain encoding in a zlib stream.
    static func compressed(_ histogram: Histogram<UInt64>) -> [UInt8] {
        let stream = ZlibStream.stored(encoded(histogram))
        return bigEndian(compressedCookie) + bigEndian(UInt32(stream.count)) + stream
    }

    /// The plain encoding.
    static func encoded(_ histogram: Histogram<UInt64>) -> [UInt8] {
        let counts = counts(of: histogram)
        var bytes = bigEndian(plainCookie) + bigEndian(UInt32(counts.count)) + bigEndian(UInt32(0))
        bytes += bigEndian(UInt32(histogram.numberOfSignificantValueDigits.rawValue))
        bytes += bigEndian(histogram.lowestDiscernibleValue) + bigEndian(histogram.highestTrackableValue)
        bytes += bigEndian((1.0).bitPattern)
        return bytes + counts
    }

    /// The buckets up to the last that has something.
    private static func counts(of histogram: Histogram<UInt64>) -> [UInt8] {
        var bytes: [UInt8] = []
        var empty: Int64 = 0
        for bucket in histogram.allValues() {
            if bucket.count == 0 {
                empty += 1
                continue
            }
            if empty > 0 { append(-empty, to: &bytes) }
            empty = 0
            append(Int64(clamping: bucket.count), to: &bytes)
            if bucket.totalCountToThisValue >= histogram.totalCount { break }
        }
        return bytes
    }

    /// ZigZag, then seven bits a byte with the lowest first; the ninth byte has eight.
    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: (number << 1) ^ (number >> 63))
        for _ in 0..<8 where rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        (0..<Number.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    /// RFC 4648, with padding.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count / 3 * 4 + 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                let isPadding = place > group.count
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[word >> (18 - 6 * place) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// "12.345".
    private static func fixed(_ value: Double) -> String {
        let thousandths = UInt64(max(0, value * 1000).rounded())
        let rest = String(thousandths % 1000)
        return "\(thousandths / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}

/// The frame of RFC 1950 around blocks that are stored as they are.
enum ZlibStream {
    /// The most bytes of a stored block.
    private static let blockSize = 0xFFFF

    /// A stream that any inflater gives the bytes back from.
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        // Deflate with a window of 32 KiB, fastest level.
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let end = min(start + blockSize, bytes.count)
            let length = UInt16(end - start)
            stream.append(end == bytes.count ? 1 : 0)
            stream += [UInt8(length & 0xFF), UInt8(length >> 8), UInt8(~length & 0xFF), UInt8(~length >> 8)]
            stream += bytes[start..<end]
            start = end
        } while start < bytes.count
        let sum = checksum(bytes)
        return stream + (0..<4).reversed().map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    }

    /// Adler-32.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in bytes {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        return high << 16 | low
    }
}
