// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredSystemd

@Suite(.timeLimit(.minutes(1)))
struct JournalTests {
    @Test(arguments: ["", "9", "9:", ":5", "9:5:1", "a:b", "-9:5", "9: 5"])
    func `only device and inode are an identity`(text: String) {
        #expect(Journal.identity(text) == nil)
    }

    @Test func `a descriptor is the journal's stream exactly if its identity is the one that systemd said`() throws {
        let null = try Descriptor.null()
        let identity = try #require(FileIdentity.ofDescriptor(null.number))
        let right = ["JOURNAL_STREAM": "\(identity.device):\(identity.inode)"]
        #expect(Journal.isStream(null.number, environment: right))
        #expect(!Journal.isStream(null.number, environment: [:]))
        #expect(!Journal.isStream(null.number, environment: ["JOURNAL_STREAM": "\(identity.device):1"]))
        #expect(!Journal.isStream(-1, environment: right))
    }

    @Test func `an entry arrives as it is`() throws {
        let journal = try DatagramReceiver()
        let socket = try JournalSocket(path: journal.address)
        var entry = JournalEntry()
        entry.add("MESSAGE", "two\nlines")
        #expect(socket.send(entry) == true)
        #expect(journal.next() == entry.bytes)
    }

    @Test func `the largest entry arrives whole`() throws {
        let journal = try DatagramReceiver()
        let socket = try JournalSocket(path: journal.address)
        var entry = JournalEntry()
        for _ in 0..<4 { entry.add("BIG", String(repeating: "x", count: JournalEntry.longestEntry / 4 - 20)) }
        #expect(socket.send(entry) == true)
        #expect(journal.next()?.count == entry.bytes.count)
    }

    /// `sd_journal_send(3)` would wait here for ever.
    @Test func `a journal that does not read loses entries and makes nobody wait`() throws {
        let journal = try DatagramReceiver()
        let socket = try JournalSocket(path: journal.address)
        var entry = JournalEntry()
        entry.add("MESSAGE", "again")
        var taken = 0
        while socket.send(entry) { taken += 1 }
        #expect(taken > 0)
        #expect(journal.next() != nil)
        #expect(socket.send(entry) == true, "room again")
    }

    @Test func `a journal that cannot be reached is said at once`() {
        let error = #expect(throws: SystemError.self) {
            _ = try JournalSocket(path: "/tmp/maitred-test-nobody.sock").send(JournalEntry())
        }
        #expect(error?.errno == ENOENT)
    }

    @Test func `a journal that restarts is found again`() throws {
        let path = DatagramReceiver.temporaryPath()
        var journal: DatagramReceiver? = try DatagramReceiver(path)
        let socket = try JournalSocket(path: path)
        withExtendedLifetime(journal) {}
        journal = nil
        #expect(socket.send(JournalEntry()) == false)
        journal = try DatagramReceiver(path)
        var entry = JournalEntry()
        entry.add("MESSAGE", "back")
        #expect(socket.send(entry) == true)
        #expect(journal?.nextText() == "MESSAGE=back\n")
    }
}
