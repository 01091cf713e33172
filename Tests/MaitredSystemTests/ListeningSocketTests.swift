// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ListeningSocketTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func `a port of zero becomes a real one that clients reach`(host: String) throws {
        let listener = try listen(host)
        let port = try #require(listener.address.port)
        #expect(port != 0)
        #expect(listener.address.host == host)
        #expect(isCloseOnExec(listener.descriptor.number))
        let address = try #require(TestAddress(listener.address.description))
        let client = try TestClient(address)
        let (connection, peer) = try accepted(from: listener)
        #expect(fcntl(connection, F_GETFL) & O_NONBLOCK != 0)
        #expect(isCloseOnExec(connection))
        #expect(try peer.description == client.localAddress())
        close(connection)
    }

    @Test func `IPv6 takes IPv6 only, so both families share a port`() throws {
        let four = try listen("0.0.0.0")
        let port = try #require(four.address.port)
        let six = try ListeningSocket.open(.resolve(host: "::", port: port), ListeningOptions())
        #expect(six.address.port == port)
        let client = try TestClient(.ipv6(port: port))
        let (connection, peer) = try accepted(from: six)
        #expect(peer.family == AF_INET6)
        close(connection)
        #expect(result(of: four) == .wouldBlock)
        client.close()
    }

    @Test func `the source address of the client is its own`() throws {
        let listener = try listen("127.0.0.1")
        let client = try TestClient(.ipv4(port: listener.address.port!), from: "127.0.0.9")
        let (connection, peer) = try accepted(from: listener)
        #expect(peer.host == "127.0.0.9")
        #expect(try peer.description == client.localAddress())
        close(connection)
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func `the address of a client that has already reset is known`(host: String) throws {
        let listener = try listen(host)
        let address = try #require(TestAddress(listener.address.description))
        let client = try TestClient(address)
        let name = try client.localAddress()
        client.reset()
        let (connection, peer) = try accepted(from: listener)
        #expect(peer.description == name)
        close(connection)
    }

    @Test func `a peer's address is cut at the buffer, and its whole length told`() throws {
        let listener = try listen("::1")
        let client = try TestClient(.ipv6(port: listener.address.port!))
        var buffer = [UInt8](repeating: 0xaa, count: 12)
        var length: UInt32 = 0
        let isAccepted = buffer.withUnsafeMutableBytes {
            if case .accepted = listener.accept(peer: .init(rebasing: $0[..<8]), length: &length) {
                true
            } else {
                false
            }
        }
        #expect(isAccepted)
        #expect(length == 28)
        #expect(buffer[8...] == [0xaa, 0xaa, 0xaa, 0xaa])
        client.close()
    }

    @Test func `nobody waiting is a value`() throws {
        #expect(try result(of: listen("127.0.0.1")) == .wouldBlock)
    }

    @Test func `at the descriptor limit an accept says so, and the client waits on`() async {
        await #expect(processExitsWith: .success) {
            let listener = try listen("127.0.0.1")
            let client = try TestClient(.ipv4(port: listener.address.port!))
            try withDescriptorsExhausted {
                let refused = result(of: listener)
                #expect(refused == .exhausted(EMFILE))
            }
            client.close()
            let (connection, _) = try accepted(from: listener)
            close(connection)
        }
    }

    @Test func `a port in use is an error that names it`() throws {
        let listener = try listen("127.0.0.1")
        let address = listener.address
        let error = systemError { () throws(SystemError) in _ = try ListeningSocket.open(address, ListeningOptions()) }
        #expect(error?.errno == EADDRINUSE)
        #expect(error?.description == "cannot listen on \(address): Address already in use (EADDRINUSE)")
    }

    @Test func `an address of another machine is an error that names it`() throws {
        let error = systemError { () throws(SystemError) in
            _ = try ListeningSocket.open(.resolve(host: "192.0.2.1", port: 8080), ListeningOptions())
        }
        #expect(error?.errno == EADDRNOTAVAIL)
        #expect(error?.description.hasPrefix("cannot listen on 192.0.2.1:8080: ") == true)
    }

    @Test func `accepted connections inherit the no-delay option`() throws {
        for noDelay in [false, true] {
            let listener = try ListeningSocket.open(
                .resolve(host: "127.0.0.1", port: 0),
                ListeningOptions(noDelay: noDelay)
            )
            let client = try TestClient(.ipv4(port: listener.address.port!))
            let (connection, _) = try accepted(from: listener)
            var value: Int32 = -1
            var length = socklen_t(4)
            getsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
            #expect((value != 0) == noDelay)
            close(connection)
            client.close()
        }
    }

    // MARK: - Unix sockets

    @Test(arguments: [UInt32(0o600), 0o660, 0o666, 0o777])
    func `a Unix socket has the mode asked for, and the umask stays`(mode: UInt32) async throws {
        // The umask is the process's: other tests must not see it change.
        await #expect(processExitsWith: .success) { [mode = mode as UInt32] in
            try withTemporaryDirectory { directory in
                umask(0o027)
                let path = "\(directory)/s"
                let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions(mode: mode))
                #expect(fileMode(path) == mode)
                #expect(umask(0) == 0o027)
                #expect(listener.address.unixPath == path)
            }
        }
    }

    @Test func `a Unix client has no address`() throws {
        try withTemporaryDirectory { directory in
            let listener = try ListeningSocket.open(SocketAddress(unixPath: "\(directory)/s"), ListeningOptions())
            let client = try TestClient(.unix("\(directory)/s"))
            let (connection, peer) = try accepted(from: listener)
            #expect(peer.family == AF_UNIX)
            #expect(peer.unixPath == nil && peer.host == nil && peer.port == nil)
            #expect(peer.description == "unix:")
            close(connection)
            client.close()
        }
    }

    @Test func `a stale Unix socket is replaced`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            do { _ = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions(mode: 0o600)) }
            #expect(fileMode(path) == 0o600)
            let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions(mode: 0o660))
            #expect(fileMode(path) == 0o660)
            let client = try TestClient(.unix(path))
            let (connection, _) = try accepted(from: listener)
            close(connection)
            client.close()
        }
    }

    @Test func `a Unix socket that answers is not replaced`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions())
            let address = listener.address
            let error = systemError { () throws(SystemError) in
                _ = try ListeningSocket.open(address, ListeningOptions())
            }
            #expect(error?.errno == EADDRINUSE)
            #expect(error?.description == "cannot listen on unix:\(path): Address already in use (EADDRINUSE)")
            let client = try TestClient(.unix(path))
            client.close()
        }
    }

    @Test func `a Unix socket whose backlog is full is not replaced`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions(backlog: 0))
            let first = try TestClient(.unix(path))
            let address = listener.address
            for _ in 0..<3 {
                let error = systemError { () throws(SystemError) in
                    _ = try ListeningSocket.open(address, ListeningOptions())
                }
                #expect(error?.errno == EADDRINUSE)
            }
            first.close()
        }
    }

    @Test func `a file that is no socket is not replaced`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            try writeFile(path, "precious")
            let error = systemError { () throws(SystemError) in
                _ = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions())
            }
            let words = "there is a file at \(path) that is no socket: remove it, or give another path"
            #expect(error?.description == "cannot listen on unix:\(path): \(words)")
            #expect(error?.isAddressInUse == false)
            #expect(readFile(path) == "precious")
        }
    }

    @Test func `a Unix socket's file is removed when asked, an adopted one's is not`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/s"
            let listener = try ListeningSocket.open(SocketAddress(unixPath: path), ListeningOptions())
            let adopted = try ListeningSocket.adopt(listener.descriptor.duplicate())
            adopted.removeFile()
            #expect(fileMode(path) != nil)
            listener.removeFile()
            #expect(fileMode(path) == nil)
        }
    }

    // MARK: - Adoption

    @Test func `a listening socket is taken over, non-blocking, with its address`() throws {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let bytes = [UInt8](TestAddress.ipv4(port: 0).sockaddr)
        #expect(maitred_linux_bind(number, bytes, UInt32(bytes.count)) == 0)
        #expect(Glibc.listen(number, 5) == 0)
        let listener = try ListeningSocket.adopt(Descriptor(owning: number))
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK != 0)
        #expect(listener.address.host == "127.0.0.1")
        #expect(listener.address.port != 0)
        #expect(result(of: listener) == .wouldBlock)
    }

    @Test func `what is not a listening stream socket is refused and closed`() async {
        await #expect(processExitsWith: .success) {
            let stream = Int32(SOCK_STREAM.rawValue)
            let makers: [() -> Int32] = [
                { socket(AF_INET, stream, 0) },
                { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) },
                { open("/dev/null", O_RDWR) },
                {
                    let number = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
                    let path = TestAddress.unix("/tmp/maitred-test-\(getpid())").sockaddr
                    _ = maitred_linux_bind(number, path, UInt32(path.count))
                    unlink("/tmp/maitred-test-\(getpid())")
                    _ = Glibc.listen(number, 1)
                    return number
                },
            ]
            let before = openDescriptorCount()
            for make in makers {
                let number = make()
                let error = systemError { () throws(SystemError) in
                    _ = try ListeningSocket.adopt(Descriptor(owning: number))
                }
                #expect(error?.errno == EINVAL)
                #expect(error?.object == "descriptor \(number) as a listening stream socket")
                #expect(!isOpen(number))
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `no path of opening leaves a descriptor behind`() async throws {
        await #expect(processExitsWith: .success) {
            try withTemporaryDirectory { directory in
                let before = openDescriptorCount()
                do {
                    let listener = try listen("127.0.0.1")
                    let unix = try ListeningSocket.open(SocketAddress(unixPath: "\(directory)/s"), ListeningOptions())
                    let addresses = [listener.address, unix.address]
                    for address in addresses {
                        _ = systemError { () throws(SystemError) in
                            _ = try ListeningSocket.open(address, ListeningOptions())
                        }
                    }
                }
                _ = try ListeningSocket.open(SocketAddress(unixPath: "\(directory)/s"), ListeningOptions())
                _ = systemError { () throws(SystemError) in
                    _ = try ListeningSocket.open(SocketAddress(unixPath: "\(directory)/no/s"), ListeningOptions())
                }
                #expect(openDescriptorCount() == before)
            }
        }
    }
}

/// Listens on a port of the kernel's choice.
private func listen(_ host: String) throws -> ListeningSocket {
    try ListeningSocket.open(.resolve(host: host, port: 0), ListeningOptions())
}

/// An `AcceptResult` that can be compared.
private enum Accepted: Equatable {
    case connection(Int32)
    case wouldBlock
    case connectionFailed
    case exhausted(Int32)
}

private func accept(from listener: borrowing ListeningSocket, peer: inout [UInt8]) -> Accepted {
    var length: UInt32 = 0
    peer = [UInt8](repeating: 0, count: 128)
    let result: Accepted = peer.withUnsafeMutableBytes {
        switch listener.accept(peer: $0, length: &length) {
        case .accepted(let connection): .connection(connection.release())
        case .wouldBlock: .wouldBlock
        case .connectionFailed: .connectionFailed
        case .exhausted(let errno): .exhausted(errno)
        }
    }
    peer = Array(peer.prefix(Int(length)))
    return result
}

private func result(of listener: borrowing ListeningSocket) -> Accepted {
    var peer: [UInt8] = []
    return accept(from: listener, peer: &peer)
}

/// Waits for a connection and accepts it; the caller closes it.
private func accepted(from listener: borrowing ListeningSocket) throws -> (number: Int32, peer: SocketAddress) {
    var bytes: [UInt8] = []
    guard isReadable(listener.descriptor.number, within: 10_000) else { throw TestFailure("nobody came") }
    guard case .connection(let number) = accept(from: listener, peer: &bytes) else {
        throw TestFailure("nothing was accepted")
    }
    guard let peer = SocketAddress(bytes: bytes.span) else { throw TestFailure("the peer's address makes no sense") }
    return (number, peer)
}
