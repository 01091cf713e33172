// SPDX-License-Identifier: Apache-2.0

import MaitredTesting
import Testing

@testable import MaitredSystem

struct ELFFactsTests {
    /// A file with headers that say what a test wants.
    private struct Image {
        var width: UInt8 = 2
        var byteOrder: UInt8 = 1
        var machine: UInt64 = 62
        var segments: [(type: UInt64, contents: [UInt8])] = []

        private func number(_ value: UInt64, _ count: Int) -> [UInt8] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return byteOrder == 1 ? bytes : bytes.reversed()
        }

        /// A word as wide as an address.
        private func long(_ value: UInt64) -> [UInt8] { number(value, width == 2 ? 8 : 4) }

        var bytes: [UInt8] {
            let headSize = width == 2 ? 64 : 52
            let entrySize = width == 2 ? 56 : 32
            var head: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, width, byteOrder, 1] + Array(repeating: 0, count: 9)
            head += number(2, 2) + number(machine, 2) + number(1, 4)
            head += long(0) + long(UInt64(headSize)) + long(0) + number(0, 4)
            head += number(UInt64(headSize), 2) + number(UInt64(entrySize), 2) + number(UInt64(segments.count), 2)
            head += Array(repeating: 0, count: headSize - head.count)
            var table: [UInt8] = []
            var rest: [UInt8] = []
            let start = headSize + segments.count * entrySize
            for segment in segments {
                let offset = long(UInt64(start + rest.count))
                let size = long(UInt64(segment.contents.count))
                let type = number(segment.type, 4)
                table +=
                    width == 2
                    ? type + number(0, 4) + offset + long(0) + long(0) + size + size + long(1)
                    : type + offset + long(0) + long(0) + size + size + number(0, 4) + long(1)
                rest += segment.contents
            }
            return head + table + rest
        }

        /// A note without contents.
        func note(_ name: String, contents: Int = 0) -> [UInt8] {
            let padded = Array(name.utf8) + Array(repeating: 0, count: (4 - name.utf8.count % 4) % 4)
            return number(UInt64(name.utf8.count), 4) + number(UInt64(contents), 4) + number(4, 4) + padded
                + Array(repeating: 1, count: (contents + 3) / 4 * 4)
        }
    }

    private func facts(_ bytes: [UInt8]) -> ELFFacts? {
        ELFFacts { offset, count in
            let start = Int(clamping: offset)
            return start < bytes.count ? Array(bytes[start..<min(bytes.count, start + max(0, count))]) : []
        }
    }

    @Test(arguments: [(UInt8(1), UInt8(1)), (1, 2), (2, 1), (2, 2)])
    func `loader and target are read in every width and order of bytes`(width: UInt8, byteOrder: UInt8) {
        var image = Image(width: width, byteOrder: byteOrder, machine: 183)
        image.segments = [
            (1, [1, 2, 3]), (3, Array("/lib/ld-linux.so.2\0".utf8)), (4, image.note("GNU\0", contents: 5)),
        ]
        let facts = facts(image.bytes)
        #expect(facts?.target == ELFFacts.Target(width: width, byteOrder: byteOrder, machine: 183))
        #expect(facts?.loader == "/lib/ld-linux.so.2")
        #expect(facts?.isGo == false)
    }

    @Test func `a file without a loader is linked statically`() {
        let facts = facts(Image(segments: [(1, [0])]).bytes)
        #expect(facts != nil && facts?.loader == nil)
    }

    @Test func `a note of the Go toolchain is found behind others`() {
        var image = Image()
        image.segments = [
            (4, image.note("GNU\0", contents: 20)), (4, image.note("XYZ\0", contents: 3) + image.note("Go\0\0")),
        ]
        #expect(facts(image.bytes)?.isGo == true)
    }

    @Test func `programs of this machine are what they are`() throws {
        try withTemporaryDirectory { directory in
            let dynamic = try compile("int main(void) { return 0; }", named: "dynamic", in: directory)
            let fixed = try compile("int main(void) { return 0; }", ["-static"], named: "static", in: directory)
            guard case .elf(let first)? = ExecutableFacts.read(dynamic)?.form,
                case .elf(let second)? = ExecutableFacts.read(fixed)?.form
            else {
                Issue.record("no ELF files")
                return
            }
            #expect(first.loader?.contains("ld-linux") == true)
            #expect(second.loader == nil)
            #expect(first.target == second.target && first.target == ELFFacts.own?.target)
            #expect(!first.isGo && !second.isGo)
        }
    }

    @Test func `a file that is cut off anywhere is no harm`() {
        var image = Image()
        image.segments = [(3, Array("/lib/ld-linux.so.2\0".utf8)), (4, image.note("Go\0\0"))]
        let bytes = image.bytes
        for count in 0..<bytes.count {
            let facts = facts(Array(bytes.prefix(count)))
            #expect((facts == nil) == (count < 52), "\(count)")
        }
    }

    @Test func `sizes and offsets that lie are no harm, and nothing large is read`() {
        var random = SeededRandom(seed: 11)
        var most = 0
        for _ in 0..<20_000 {
            var image = Image(width: .random(in: 1...2, using: &random), byteOrder: .random(in: 1...2, using: &random))
            image.segments = (0..<5).map { _ in (.random(in: 3...4, using: &random), random.bytes(24)) }
            var bytes = image.bytes
            for _ in 0..<8 {
                bytes[.random(in: 6..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = ELFFacts { offset, count in
                most = max(most, count)
                let start = Int(clamping: offset)
                return start < bytes.count ? Array(bytes[start..<min(bytes.count, start + max(0, count))]) : []
            }
        }
        #expect(most <= 4096)
        for _ in 0..<2000 { _ = facts([0x7F, 0x45, 0x4C, 0x46, 2, 1] + random.bytes(400)) }
    }
}
