// SPDX-License-Identifier: Apache-2.0

/// What the headers of an ELF file say of how it is loaded.
///
/// See elf(5). The file is whoever's: every offset and count in it is data, and no more than a few kilobytes are read.
package struct ELFFacts: Equatable, Sendable {
    /// What a machine must be to run it: 32 or 64 bits, the order of bytes, and the processor.
    package struct Target: Equatable, Sendable {
        /// 1 for 32 bits, 2 for 64: EI_CLASS.
        package let width: UInt8
        /// 1 for little endian, 2 for big: EI_DATA.
        package let byteOrder: UInt8
        /// The processor: `e_machine`.
        package let machine: UInt16
    }

    /// For what machine it is.
    package let target: Target

    /// The loader that it asks for, nil when it asks for none: then it is linked statically.
    package let loader: String?

    /// Whether the Go toolchain built it, whose programs make system calls without the C library.
    package let isGo: Bool

    /// Program headers that are looked at: real programs have about ten.
    private static let mostHeaders = 64
    /// Bytes of the longest path of a loader.
    private static let longestLoader = 4096
    /// Segments of notes that are looked at, and bytes of each.
    private static let mostNotes = 4
    private static let longestNotes = 1024

    /// Reads the headers; nil when it is no ELF file, or none that could be run.
    ///
    /// - Parameter read: Gives at most so many bytes from an offset; fewer where the file ends.
    package init?(read: (_ offset: UInt64, _ count: Int) -> [UInt8]) {
        let head = Bytes(read(0, 64))
        guard head.bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), head.bytes.count >= 52 else { return nil }
        target = Target(width: head.bytes[4], byteOrder: head.bytes[5], machine: head.half(at: 18, head.bytes[5]))
        guard (1...2).contains(target.width), (1...2).contains(target.byteOrder) else { return nil }
        var loader: String?
        var isGo = false
        var notes = 0
        for segment in Segment.all(in: head, target, most: Self.mostHeaders, read) {
            switch segment.type {
            case Segment.interpreter:
                loader = loader ?? Self.text(read(segment.offset, min(Int(clamping: segment.size), Self.longestLoader)))
            case Segment.note where notes < Self.mostNotes:
                notes += 1
                let bytes = Bytes(read(segment.offset, min(Int(clamping: segment.size), Self.longestNotes)))
                isGo = isGo || Self.hasNote(named: "Go\0\0", in: bytes, target.byteOrder)
            default: continue
            }
        }
        self.loader = loader
        self.isGo = isGo
    }

    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Walks a list of notes: lengths of name and contents, a type, then both, each filled up to four bytes.
    private static func hasNote(named name: String, in list: Bytes, _ order: UInt8) -> Bool {
        var offset = 0
        while offset + 12 <= list.bytes.count {
            let nameSize = Int(list.word(at: offset, order))
            let contents = Int(list.word(at: offset + 4, order))
            let start = offset + 12
            if nameSize == name.utf8.count, list.bytes.dropFirst(start).starts(with: name.utf8) { return true }
            offset = start + (nameSize + 3) / 4 * 4 + (contents + 3) / 4 * 4
        }
        return false
    }

    /// One entry of the table of program headers.
    private struct Segment {
        static let interpreter: UInt32 = 3
        static let note: UInt32 = 4

        let type: UInt32
        let offset: UInt64
        let size: UInt64

        static func all(
            in head: Bytes,
            _ target: Target,
            most: Int,
            _ read: (UInt64, Int) -> [UInt8]
        ) -> [Segment] {
            let isWide = target.width == 2
            let order = target.byteOrder
            let entrySize = isWide ? 56 : 32
            guard Int(head.half(at: isWide ? 54 : 42, order)) == entrySize else { return [] }
            let count = min(Int(head.half(at: isWide ? 56 : 44, order)), most)
            let table = isWide ? head.long(at: 32, order) : UInt64(head.word(at: 28, order))
            let bytes = Bytes(read(table, count * entrySize))
            return (0..<(bytes.bytes.count / entrySize)).map { index in
                let start = index * entrySize
                return Segment(
                    type: bytes.word(at: start, order),
                    offset: isWide ? bytes.long(at: start + 8, order) : UInt64(bytes.word(at: start + 4, order)),
                    size: isWide ? bytes.long(at: start + 32, order) : UInt64(bytes.word(at: start + 16, order))
                )
            }
        }
    }

    /// Numbers in either order of bytes; what is behind the end is zero.
    private struct Bytes {
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        func half(at offset: Int, _ order: UInt8) -> UInt16 { UInt16(number(at: offset, count: 2, order)) }
        func word(at offset: Int, _ order: UInt8) -> UInt32 { UInt32(number(at: offset, count: 4, order)) }
        func long(at offset: Int, _ order: UInt8) -> UInt64 { number(at: offset, count: 8, order) }

        private func number(at offset: Int, count: Int, _ order: UInt8) -> UInt64 {
            guard offset + count <= bytes.count else { return 0 }
            let digits = bytes[offset..<(offset + count)]
            return order == 1
                ? digits.reversed().reduce(0) { $0 << 8 | UInt64($1) } : digits.reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
