// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct SizeTextTests {
    private static let range = 0...16_000_000_000_000

    private func refusal(_ text: String) -> String? {
        problem { () throws(InvalidValue) in try size(text, in: Self.range) }
    }

    @Test(arguments: [
        ("0", 0), ("0MB", 0), ("-0B", 0), ("1B", 1), ("500MB", 500_000_000), ("500mb", 500_000_000),
        ("512M", 536_870_912), ("512m", 536_870_912), ("512MiB", 536_870_912), ("64KiB", 65_536), ("64k", 65_536),
        ("1.5GB", 1_500_000_000), ("1.5GiB", 1_610_612_736), ("0.5K", 512), ("16TB", 16_000_000_000_000),
        ("0.999999999TB", 999_999_999_000), ("1TiB", 1_099_511_627_776), ("007KB", 7_000),
    ])
    func `a number with a unit is a size in bytes`(_ text: String, _ expected: Int) throws {
        #expect(try size(text, in: Self.range) == expected)
    }

    @Test(arguments: ["500", "1.5", "-3", "999999999999999999999999999999"])
    func `a bare number is told to add a unit`(_ text: String) {
        #expect(refusal(text) == "'\(text)' has no unit: add one, as in \(text)MB")
    }

    @Test(arguments: ["5PB", "5 MB", "5MBs", "5Mb/s", "5%", "5MB ", "5ms"])
    func `an unknown unit is told the units`(_ text: String) {
        let units = "B, KB, MB, GB, TB (by 1000) or KiB, MiB, GiB, TiB, K, M, G, T (by 1024)"
        #expect(refusal(text) == "'\(text)' has an unknown unit: use \(units)")
    }

    @Test(arguments: ["", "MB", ".5GB", "1.GB", "1..2GB", "--1MB", "1-2MB", "half", "१MB"])
    func `anything else is no size`(_ text: String) {
        #expect(refusal(text) == "'\(text)' is not a size: give a size from 0 to 16TB")
    }

    @Test(arguments: ["-1MB", "17TB", "999999999999999999999999999999B", "9223372036854775807TiB"])
    func `a size outside the range is told the range`(_ text: String) {
        #expect(refusal(text) == "'\(text)' is out of range: give a size from 0 to 16TB")
    }

    @Test(arguments: ["0.5B", "0.0001KB", "0.1KiB", "0.00000000000001TB"])
    func `a fraction of a byte is refused`(_ text: String) {
        #expect(refusal(text) == "'\(text)' is not a whole number of bytes: give a size from 0 to 16TB")
    }

    @Test(arguments: ["0", "1B", "999B", "1KB", "1KiB", "500MB", "512MiB", "1500MB", "1GB", "1GiB", "16TB", "12345B"])
    func `a printed size reads back as itself`(_ text: String) throws {
        #expect(sizeText(try size(text, in: Self.range)) == text)
    }

    @Test func `any size is printed so that it reads back`() throws {
        for exponent in 0..<44 {
            for bytes in [1 << exponent, (1 << exponent) - 1, (1 << exponent) * 3 / 2] where bytes <= 16_000_000_000_000
            {
                #expect(try size(sizeText(bytes), in: Self.range) == bytes)
            }
        }
    }

    @Test(arguments: [Int.min, -1, .max])
    func `a size that nobody could give is printed all the same`(_ bytes: Int) {
        #expect(refusal(sizeText(bytes))?.contains("is out of range") == true)
    }
}
