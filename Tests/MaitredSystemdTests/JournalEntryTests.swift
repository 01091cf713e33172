// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSystemd

struct JournalEntryTests {
    @Test func `fields are lines`() {
        var entry = JournalEntry()
        entry.add("MESSAGE", "worker ready")
        entry.add("PRIORITY", "6")
        #expect(String(decoding: entry.bytes, as: UTF8.self) == "MESSAGE=worker ready\nPRIORITY=6\n")
    }

    @Test func `a value with a newline carries its length and cannot forge a field`() {
        var entry = JournalEntry()
        entry.add("MESSAGE", "a\nPRIORITY=0")
        #expect(entry.bytes == Array("MESSAGE\n".utf8) + [12, 0, 0, 0, 0, 0, 0, 0] + Array("a\nPRIORITY=0\n".utf8))
    }

    @Test func `every byte of a length counts`() {
        var entry = JournalEntry()
        entry.add("M", "\n" + String(repeating: "x", count: 0x1234))
        #expect(entry.bytes.prefix(10) == [UInt8(ascii: "M"), 10, 0x35, 0x12, 0, 0, 0, 0, 0, 0])
    }

    @Test(arguments: [
        ("worker", "MAITRED_WORKER"), ("exit-code", "MAITRED_EXIT_CODE"), ("Slot2", "MAITRED_SLOT2"),
        ("ä=\n", "MAITRED_____"), ("", "MAITRED_"),
        (String(repeating: "k", count: 100), "MAITRED_" + String(repeating: "K", count: 56)),
    ])
    func `any key makes a name that journald accepts`(key: String, name: String) {
        #expect(JournalEntry.fieldName(prefix: "MAITRED_", key: key) == name)
    }

    @Test func `a long value is cut between characters`() throws {
        var entry = JournalEntry()
        entry.add("MESSAGE", "x" + String(repeating: "é", count: JournalEntry.longestValue))
        let text = try #require(String(validating: entry.bytes, as: UTF8.self))
        #expect(text.utf8.count == "MESSAGE=\n".utf8.count + JournalEntry.longestValue - 1)
    }

    @Test func `fields that do not fit are left out and shorter ones still come in`() {
        var entry = JournalEntry()
        for _ in 0..<10 { entry.add("BIG", String(repeating: "x", count: JournalEntry.longestValue)) }
        entry.add("PRIORITY", "6")
        #expect(entry.bytes.count <= JournalEntry.longestEntry)
        #expect(String(decoding: entry.bytes, as: UTF8.self).hasSuffix("\nPRIORITY=6\n"))
    }
}
