// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct PeerCredentialsTests {
    @Test func `a peer is the process that connected, with its user and groups`() throws {
        try withServer { path, accept in
            let client = try StreamSocket.connect(to: path, within: .seconds(5))
            let peer = try PeerCredentials.of(try accept().descriptor)
            #expect(peer.pid == getpid())
            #expect(peer.user == geteuid())
            #expect(peer.groups.first == getegid())
            var own = [gid_t](repeating: 0, count: 65_536)
            let count = Int(getgroups(65_536, &own))
            #expect(Array(peer.groups.dropFirst()) == Array(own.prefix(count)))
            #expect(peer.stillExists == true)
            _ = client.descriptor.number
        }
    }

    @Test(.enabled(if: geteuid() == 0), arguments: [3, 64, 65, 1000])
    func `supplementary groups are told however many`(count: Int) async {
        await #expect(processExitsWith: .success) { [count = count as Int] in
            let wanted = (0..<count).map { gid_t(5000 + $0) }
            #expect(setgroups(wanted.count, wanted) == 0)
            try withServer { path, accept in
                let client = try StreamSocket.connect(to: path, within: .seconds(5))
                let peer = try PeerCredentials.of(try accept().descriptor)
                #expect(peer.groups == [getegid()] + wanted)
                _ = client.descriptor.number
            }
        }
    }

    @Test func `a peer's line leads to its parents and ends at the oldest`() throws {
        try withServer { path, accept in
            let client = try StreamSocket.connect(to: path, within: .seconds(5))
            let peer = try PeerCredentials.of(try accept().descriptor)
            guard case .known(let ancestors, let group) = ProcessLineage(of: peer) else {
                throw TestFailure("the line is not known")
            }
            #expect(ancestors.first == getppid())
            #expect(!ancestors.contains(getpid()))
            #expect(group == getpgrp())
            _ = client.descriptor.number
        }
    }

    @Test func `a peer that has ended is no longer whoever has its number`() async {
        await #expect(processExitsWith: .success) {
            try withServer { path, accept in
                let pid = forkedClient(path) { _ in }
                let server = try accepted(accept)
                #expect(waitpid(pid, nil, 0) == pid)
                let peer = try PeerCredentials.of(server.descriptor)
                #expect(peer.pid == pid)
                #expect(peer.stillExists == false)
                #expect(ProcessLineage(of: peer) == .unclear)
            }
        }
    }

    @Test func `a peer that ends after it was asked for is seen to have ended`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            try withServer { path, accept in
                let pid = forkedClient(path) { _ in pause() }
                let peer = try PeerCredentials.of(try accepted(accept).descriptor)
                #expect(peer.stillExists == true)
                guard case .known(let ancestors, _) = ProcessLineage(of: peer) else {
                    throw TestFailure("the line is not known")
                }
                #expect(ancestors.first == getpid())
                kill(pid, SIGKILL)
                #expect(waitpid(pid, nil, 0) == pid)
                #expect(peer.stillExists == false)
            }
            #expect(openDescriptorCount() == before)
        }
    }

    // MARK: - The walk

    @Test func `a walk is believed when two agree`() {
        #expect(lineage([9: .parent(5), 5: .parent(1)]) == .known(ancestors: [5, 1], group: 7))
        #expect(lineage([9: .parent(5), 5: .parent(0)]) == .known(ancestors: [5], group: 7))
        #expect(lineage([9: .parent(0)]) == .known(ancestors: [], group: 7))
    }

    @Test func `a parent that ends during a walk is left out of the next`() {
        var looks = 0
        let found = ProcessLineage(of: 9, group: 7) { pid in
            looks += 1
            // 5 ends after the first look at 9, and its number is given to a child of 1 at once.
            if pid == 9 { return .parent(looks == 1 ? 5 : 3) }
            return pid == 3 ? .parent(2) : .parent(1)
        }
        #expect(found == .known(ancestors: [3, 2, 1], group: 7))
    }

    @Test func `a line that keeps changing is unclear`() {
        var looks: Int32 = 100
        let found = ProcessLineage(of: 9, group: 7) { pid in
            looks += 1
            return pid == 9 ? .parent(looks) : .parent(1)
        }
        #expect(found == .unclear)
    }

    @Test func `whoever is hidden is hidden, and hides only the ancestors above itself`() {
        #expect(lineage([9: .hidden]) == .hidden)
        #expect(lineage([9: .parent(5), 5: .hidden]) == .known(ancestors: [5], group: 7))
    }

    @Test func `a process that is gone, or without a group, is unclear`() {
        #expect(lineage([:]) == .unclear)
        #expect(lineage([9: .parent(5)]) == .unclear)
        #expect(lineage([9: .parent(1)], group: -1) == .unclear)
    }

    @Test func `a line too long to be looked at is unclear, not believed`() {
        var looks = 0
        let found = ProcessLineage(of: 1000, group: 7) { pid in
            looks += 1
            return .parent(pid - 1)
        }
        #expect(found == .unclear)
        #expect(looks == 4 * ProcessLineage.mostAncestors)
        #expect(ProcessLineage(of: 65, group: 7) { .parent($0 - 1) } != .unclear)
        #expect(ProcessLineage(of: 66, group: 7) { .parent($0 - 1) } == .unclear)
    }
}

private func lineage(_ table: [Int32: ProcessLineage.Look], group: Int32 = 7) -> ProcessLineage {
    ProcessLineage(of: 9, group: group) { table[$0] ?? .gone }
}

private func withServer(_ body: (String, () throws -> StreamSocket) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        let path = "\(directory)/s"
        let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions())
        try body(path) {
            guard isReadable(listener.descriptor.number, within: 10_000),
                case .accepted(let socket) = listener.acceptStream()
            else { throw TestFailure("nobody came") }
            return socket
        }
    }
}

private func accepted(_ accept: () throws -> StreamSocket) throws -> StreamSocket { try accept() }

/// A child of this process that connects, does something and exits.
private func forkedClient(_ path: String, _ body: (Int32) -> Void) -> Int32 {
    let address = TestAddress.unix(path).sockaddr
    let pid = maitred_linux_fork()
    if pid == 0 {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        if maitred_linux_connect(number, address, UInt32(address.count)) != 0 { _exit(1) }
        body(number)
        _exit(0)
    }
    return pid
}
