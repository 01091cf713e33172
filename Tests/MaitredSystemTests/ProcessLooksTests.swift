// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

@testable import MaitredSystem

@Suite(.timeLimit(.minutes(5)))
struct ProcessLooksTests {
    @Test func `a family is a process, its children and theirs, and nobody who has ended`() throws {
        let shell = try Program("/bin/sh", ["-c", "true & (sleep 60; true) & sleep 60; true"])
        var family: [Int32] = []
        let isThere = eventually {
            family = ProcessFiles.family(of: shell.pid)
            let sleeping = family.filter { readFile("/proc/\($0)/comm") == "sleep\n" }
            return family.count == 4 && sleeping.count == 2
        }
        #expect(isThere, "\(family)")
        #expect(family.first == shell.pid)
        #expect(Set(family.dropFirst()) == Set(shell.descendants))
        #expect(ProcessFiles.family(of: .max) == [.max])
        #expect(ProcessFiles.children(of: .max).isEmpty)
    }

    @Test func `no more than so many descendants are looked at`() throws {
        let shell = try Program("/bin/sh", ["-c", "for i in $(seq 80); do sleep 60 & done; echo begun; wait"])
        try shell.waitForLine(containing: "begun")
        #expect(ProcessFiles.family(of: shell.pid).count == ProcessFiles.mostDescendants)
    }

    @Test func `memory shows words, variables and libraries`() throws {
        let program = try Program("/bin/sleep", ["60"], environment: ["COLOUR": "blue"])
        var memory: ProcessFiles.Memory?
        // Until it is `sleep`, what is seen is the child of a spawn that is not finished.
        let isThere = eventually {
            memory = ProcessFiles.memory(of: program.pid, file: "libc.so.6") { $0 == "COLOUR=blue" }
            return memory?.words == ["/bin/sleep", "60"] && memory?.hasFile == true
        }
        #expect(isThere, "\(String(describing: memory))")
        #expect(memory?.hasVariable == true)
        let other = ProcessFiles.memory(of: program.pid, file: "bc.so.6") { $0 == "COLOUR=blu" }
        #expect(other?.hasFile == false && other?.hasVariable == false)
    }

    @Test func `who is gone or a zombie shows nothing`() async {
        await #expect(processExitsWith: .success) {
            let child = try shell("exit 0")
            #expect(isReadable(child.descriptor.number, within: 10_000))
            #expect(ProcessFiles.memory(of: child.pid, file: "libc.so.6") { _ in true } == nil)
            #expect(ProcessFiles.sockets(of: child.pid).isEmpty)
            _ = child.reap()
            #expect(ProcessFiles.memory(of: child.pid, file: "libc.so.6") { _ in true } == nil)
            #expect(ProcessFiles.group(of: child.pid) == nil)
        }
    }

    @Test func `a file that two processes have open is known by both`() throws {
        let memory = try SharedMemory(creating: "shared", size: 4096)
        let other = try SharedMemory(creating: "shared", size: 4096)
        let numbers = (memory.descriptor.number, other.descriptor.number)
        let program = try Program("/bin/sleep", ["60"], descriptors: [numbers.0])
        #expect(eventually { ProcessFiles.shares(program.pid, numbers.0) })
        #expect(!ProcessFiles.shares(program.pid, numbers.1))
    }

    @Test func `the sockets on which a process listens are found by their inodes`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/a socket"
            let places = try [
                SocketAddress.resolve(host: "127.0.0.1", port: 0), .resolve(host: "::1", port: 0),
                .init(unixPath: path),
            ]
            let first = try ListeningSocket.open(places[0], ListeningOptions())
            let second = try ListeningSocket.open(places[1], ListeningOptions())
            let third = try ListeningSocket.open(places[2], ListeningOptions())
            let own = ProcessFiles.sockets(of: getpid())
            let found = ListeningTable(of: getpid()).entries.filter { own.contains($0.inode) }
            for inode in try [first.descriptor.inode(), second.descriptor.inode(), third.descriptor.inode()] {
                #expect(found.contains { $0.inode == inode })
            }
            #expect(found.contains { $0.address == first.address.description && $0.port == first.address.port })
            #expect(found.contains { $0.address == second.address.description && $0.port == second.address.port })
            #expect(found.contains { $0.address == "unix:\(path)" && $0.port == nil })
        }
    }
}

struct ListeningTableTests {
    private let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid inode\n"

    private func table(tcp: String = "", tcp6: String = "", unix: String = "") -> [ListeningTable.Entry] {
        ListeningTable(tcp: Array(tcp.utf8), tcp6: Array(tcp6.utf8), unix: Array(unix.utf8)).entries
    }

    @Test func `addresses are read as the kernel writes them`() {
        let found = table(
            tcp: heading
                + "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100 0\n"
                + "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4712 1 0 100 0\n"
                + "   2: 0100007F:0BB8 0100007F:1234 01 00000000:00000000 00:00000000 00000000 0 0 4713 1 0 100 0\n",
            tcp6: heading
                + "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0 0 0 0 0 4714\n",
            unix: "Num       RefCount Protocol Flags    Type St Inode Path\n"
                + "0000000000000000: 00000002 00000000 00010000 0001 01 4715 /run/a b.sock\n"
                + "0000000000000000: 00000002 00000000 00000000 0001 01 4716 /run/client\n"
                + "0000000000000000: 00000002 00000000 00010000 0005 01 4717 @abstract\n"
                + "0000000000000000: 00000002 00000000 00010000 0001 01 4718\n"
        )
        #expect(
            found.map(\.address) == [
                "127.0.0.1:3000", "0.0.0.0:22", "[::1]:8080", "unix:/run/a b.sock", "unix:@abstract",
            ]
        )
        #expect(found.map(\.inode) == [4711, 4712, 4714, 4715, 4717])
        #expect(found.map(\.port) == [3000, 22, 8080, nil, nil])
    }

    @Test(arguments: ["", "\n", "x", "a b c 0A\nb b c 0A\n", "h\n0: :: x 0A 0 0 0 0 0 1\n0: G:0 x 0A 0 0 0 0 0 1\n"])
    func `what is none of its texts has no entries`(text: String) {
        #expect(table(tcp: text, tcp6: text, unix: text).isEmpty)
    }
}
