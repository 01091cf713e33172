// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", UInt16(8080), "127.0.0.1:8080"), ("0.0.0.0", 0, "0.0.0.0:0"), ("::1", 8080, "[::1]:8080"),
        ("::", 65535, "[::]:65535"), ("2001:db8::7", 1, "[2001:db8::7]:1"),
    ])
    func `an address of digits is read and written`(host: String, port: UInt16, text: String) throws {
        let address = try SocketAddress.resolve(host: host, port: port)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.unixPath == nil)
        #expect(address.description == text)
    }

    @Test func `a host that is none is an error that names it`() {
        for host in ["300.1.1.1", "no such host", "::1::2"] {
            let error = systemError { () throws(SystemError) in _ = try SocketAddress.resolve(host: host, port: 1) }
            #expect(error?.object == host)
            #expect(error?.description.hasPrefix("cannot find the address of \(host): ") == true)
        }
    }

    @Test func `a path of 107 bytes is the longest`() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try SocketAddress(unixPath: longest).unixPath == longest)
        let error = systemError { () throws(SystemError) in _ = try SocketAddress(unixPath: longest + "b") }
        #expect(error?.errno == ENAMETOOLONG)
        #expect(error?.object == longest + "b")
    }

    @Test func `a path that would mean something else to the kernel is refused`() {
        for path in ["", "/run/a\0b"] {
            let error = systemError { () throws(SystemError) in _ = try SocketAddress(unixPath: path) }
            #expect(error?.errno == EINVAL)
        }
    }

    @Test func `bytes that make no address are refused`() {
        var address = TestAddress.ipv4(port: 80).sockaddr
        #expect(SocketAddress(bytes: address.span)?.description == "127.0.0.1:80")
        for count in 0..<address.count { #expect(SocketAddress(bytes: Array(address[..<count]).span) == nil) }
        let six = TestAddress.ipv6(port: 80).sockaddr
        #expect(SocketAddress(bytes: six.span)?.description == "[::1]:80")
        for count in 0..<six.count { #expect(SocketAddress(bytes: Array(six[..<count]).span) == nil) }
        address[0] = 0xff
        #expect(SocketAddress(bytes: address.span) == nil)
        #expect(SocketAddress(bytes: [UInt8](repeating: 2, count: 129).span) == nil)
    }

    @Test func `no bytes make it trap`() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<20_000 {
            var bytes = random.bytes(Int.random(in: 0...130, using: &random))
            if bytes.count > 1 {
                bytes[0] = [1, 2, 10, bytes[0]].randomElement(using: &random)!
                bytes[1] = 0
            }
            guard let address = SocketAddress(bytes: bytes.span) else { continue }
            _ = (address.description, address.unixPath, address.host, address.port)
        }
    }

    @Test func `a Unix path without its end is read to the last byte`() {
        var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 110)
        bytes[0] = UInt8(AF_UNIX)
        bytes[1] = 0
        #expect(SocketAddress(bytes: bytes.span)?.unixPath == String(repeating: "x", count: 108))
    }
}
