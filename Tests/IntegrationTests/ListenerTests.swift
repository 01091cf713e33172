// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Addresses of every kind, and that what a worker learns of a connection is right.
    struct ListenerTests {
        @Test func `with two listeners each connection arrives on the channel of its own`() throws {
            let service = try Service(listen: ["127.0.0.1:0", "127.0.0.1:0"], workers: 1)
            for _ in 0..<20 {
                for (index, address) in service.addresses.enumerated() {
                    #expect(try TestClient.get(from: address).field("listener") == "\(index)")
                }
            }
            let first = LoadRun.run(requests: 200, concurrency: 4, service.addresses[0]) { $0.field("listener") ?? "" }
            #expect(first.failures.isEmpty && first.counts == ["0": 200], "\(first)")
            try service.stop()
        }

        @Test func `connections of two listeners that a stopped worker leaves are moved, each to its own channel`()
            throws
        {
            let service = try Service(listen: ["127.0.0.1:0", "127.0.0.1:0"], workers: 2)
            let stopped = try service.pid(ofWorker: 1)
            kill(stopped, SIGSTOP)
            let clients = try (0..<12).map { try TestClient(service.addresses[$0 % 2]) }
            for client in clients { try client.request() }
            for (index, client) in clients.enumerated() {
                let response = try client.response()
                #expect(response.field("id") == "2")
                #expect(response.field("listener") == "\(index % 2)")
            }
            kill(stopped, SIGCONT)
            try service.stop()
        }

        @Test func `IPv6 and IPv4 share a port`() throws {
            let first = try Service(listen: ["127.0.0.1:0"], workers: 1)
            guard case .ipv4(_, let port) = first.address else {
                Issue.record("not IPv4: \(first.address)")
                return
            }
            let second = try Service(listen: ["[::1]:\(port)", "0.0.0.0:0", "[::]:0"], workers: 1)
            #expect(second.address == .ipv6(port: port))
            #expect(try TestClient.get(from: second.address).field("listener") == "0")
            #expect(try TestClient.get(from: first.address).field("listener") == "0")
            // An IPv6 socket takes no IPv4 connections: nobody listens there.
            guard case .ipv6(_, let any) = second.addresses[2] else {
                Issue.record("not IPv6")
                return
            }
            #expect(try TestClient.get(from: .ipv6(port: any)).field("listener") == "2")
            #expect(throws: TestFailure.self) { try TestClient(.ipv4(port: any)) }
            try first.stop()
            try second.stop()
        }

        // MARK: - Unix sockets

        @Test func `a Unix socket has its mode from the start, and its file goes with the master`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let service = try Service(listen: ["unix:\(path),mode=0620"], workers: 2)
                #expect(service.address == .unix(path))
                #expect(fileMode(path) == 0o620)
                let run = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(run.failures.isEmpty && run.counts.count == 2, "\(run)")
                try service.stop()
                #expect(directoryEntries(directory).isEmpty)
            }
        }

        @Test func `the file of a master that was killed is replaced`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let first = try Service(listen: ["unix:\(path)"], workers: 1)
                first.master.stop()
                #expect(fileMode(path) != nil)
                let second = try Service(listen: ["unix:\(path)"], workers: 1)
                #expect(try TestClient.get(from: second.address).status == 200)
                try second.stop()
            }
        }

        @Test func `the file of a master that lives is left alone`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let first = try Service(listen: ["unix:\(path)"], workers: 1)
                let second = try Program(
                    ProgramPath.built("maitred"),
                    ["serve", "--listen", "unix:\(path)", "--", "sleep", "100"]
                )
                #expect(try second.waitExit() == .exited(code: 1))
                #expect(
                    second.errorLines == ["maitred: cannot listen on unix:\(path): Address already in use (EADDRINUSE)"]
                )
                #expect(try TestClient.get(from: first.address).status == 200)
                try first.stop()
            }
        }

        // MARK: - Peer

        @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
        func `a worker knows the client's address`(listen: String) throws {
            let service = try Service(listen: [listen], workers: 1)
            for _ in 0..<5 {
                let client = try TestClient(service.address)
                let address = try client.localAddress()
                #expect(try client.get().field("peer") == address)
            }
            try service.stop()
        }

        @Test func `a client of a Unix socket has no name`() throws {
            try withTemporaryDirectory { directory in
                let service = try Service(listen: ["unix:\(directory)/web.sock"], workers: 1)
                #expect(try TestClient.get(from: service.address).field("peer") == "unix:")
                try service.stop()
            }
        }

        @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
        func `a worker knows the address of a client that reset before it was taken`(listen: String) throws {
            let worker = try [ProgramPath.built("maitred-test-worker"), "--mode", "tell-peers"]
            let service = try Service(listen: [listen], workers: 1, ["--stall-timeout", "1h"], worker: worker)
            let pid = try service.pid(ofWorker: 1)
            kill(pid, SIGSTOP)
            var addresses: [String] = []
            for _ in 0..<4 {
                let client = try TestClient(service.address)
                addresses.append(try client.localAddress())
                client.reset()
            }
            kill(pid, SIGCONT)
            for address in addresses { try service.master.waitForLine(containing: "took listener=0 peer=\(address)") }
            // And the worker has survived them.
            #expect(try TestClient.get(from: service.address).field("id") == "1")
            try service.stop()
        }
    }
}
