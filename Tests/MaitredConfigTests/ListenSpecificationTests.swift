// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct ListenSpecificationTests {
    private func refusal(_ text: String) -> String? {
        problem { () throws(InvalidValue) in try ListenSpecification(text) }
    }

    @Test(
        arguments: [
            ("8080", .ipv4("0.0.0.0", port: 8080)), (":8080", .ipv4("0.0.0.0", port: 8080)),
            ("*:8080", .ipv4("0.0.0.0", port: 8080)), ("127.0.0.1:0", .ipv4("127.0.0.1", port: 0)),
            ("[::]:65535", .ipv6("::", port: 65_535)), ("[0::0:1]:80", .ipv6("::1", port: 80)),
            ("[fe80::1%eth0]:80", .ipv6("fe80::1%eth0", port: 80)), ("LocalHost:80", .host("localhost", port: 80)),
            ("my_host-1.example.org:80", .host("my_host-1.example.org", port: 80)),
            ("unix:/run/a b:c.sock", .unix(path: "/run/a b:c.sock")),
            ("unix:/\(String(repeating: "x", count: 106))", .unix(path: "/" + String(repeating: "x", count: 106))),
        ] as [(String, ListenSpecification.Address)]
    )
    func `an address is read`(_ text: String, _ address: ListenSpecification.Address) throws {
        #expect(try ListenSpecification(text) == ListenSpecification(address: address))
    }

    @Test func `options follow in any order`() throws {
        let expected = ListenSpecification(
            address: .ipv4("0.0.0.0", port: 80),
            backlog: 100,
            hasNoDelay: true,
            name: "web.socket"
        )
        #expect(try ListenSpecification(":80,name=web.socket,nodelay,backlog=100") == expected)
        #expect(try ListenSpecification("unix:/a,mode=660").mode == 0o660)
        #expect(try ListenSpecification("unix:/a,mode=0000").mode == 0)
        #expect(try ListenSpecification(":80").backlog == 4_096)
    }

    @Test(arguments: [
        ("8080", "0.0.0.0:8080"), ("[0:0::1]:80,nodelay", "[::1]:80,nodelay"), ("Web:1", "web:1"),
        ("unix:/a,backlog=7,mode=7", "unix:/a,mode=0007,backlog=7"), (":1,backlog=4096", "0.0.0.0:1"),
        (":1,name=a,nodelay,backlog=2", "0.0.0.0:1,backlog=2,nodelay,name=a"),
    ])
    func `the description is canonical and reads back as an equal value`(_ text: String, _ expected: String) throws {
        let specification = try ListenSpecification(text)
        #expect(specification.description == expected)
        #expect(try ListenSpecification(specification.description) == specification)
    }

    @Test(arguments: [
        (
            "",
            "the address is empty: give one, as in 8080, 127.0.0.1:8080, [::1]:8080 or unix:/run/app.sock"
        ),
        ("localhost", "'localhost' has no port: add one, as in 'localhost:8080'"),
        ("10.0.0.1", "'10.0.0.1' has no port: add one, as in '10.0.0.1:8080'"),
        ("65536", "'65536' is out of range: give a port from 0 to 65535"),
        (":65536", "':65536': port '65536' is out of range: give a port from 0 to 65535"),
        ("host:http", "'host:http': port 'http' is not a number: give a port from 0 to 65535"),
        ("host:", "'host:': port '' is not a number: give a port from 0 to 65535"),
        ("::1", "'::1' is an IPv6 address without a port: write '[::1]:8080'"),
        ("[::1]", "'[::1]' has no port: add one, as in '[::1]:8080'"),
        ("[::g]:1", "'[::g]:1' holds no IPv6 address in brackets: write one like '[::1]:8080'"),
        ("256.0.0.1:80", "'256.0.0.1:80': '256.0.0.1' is not an IPv4 address: give four numbers from 0 to 255"),
        ("/run/a.sock", "'/run/a.sock' looks like a path: write 'unix:/run/a.sock' for a Unix socket"),
        ("unix:a.sock", "'unix:a.sock' names no socket: give an absolute path, as in unix:/run/app.sock"),
        (
            "http://localhost:80",
            "'http://localhost:80' is not an address: give one like 8080, 127.0.0.1:8080, [::1]:8080 or "
                + "unix:/run/app.sock"
        ),
    ])
    func `a wrong address is told what would be right`(_ text: String, _ expected: String) {
        #expect(refusal(text) == expected)
    }

    @Test(arguments: [
        (":80,mode=0660", "':80,mode=0660': 'mode' is for Unix sockets: leave it out"),
        ("unix:/a,nodelay", "'unix:/a,nodelay': 'nodelay' is for TCP: leave it out"),
        (":80,nodelya", "':80,nodelya': 'nodelya' is no option: did you mean 'nodelay'?"),
        (":80,x=1", "':80,x=1': 'x' is no option: use mode=0660, backlog=N, nodelay or name=NAME"),
        (":80,", "':80,': '' is no option: use mode=0660, backlog=N, nodelay or name=NAME"),
        (":80,nodelay=1", "':80,nodelay=1': 'nodelay' takes no value: write ',nodelay'"),
        (":80,name", "':80,name': 'name' has no value: write ',name=…'"),
        (":80,nodelay,nodelay", "':80,nodelay,nodelay': 'nodelay' is given twice: leave one out"),
        (
            ":80,backlog=0",
            "':80,backlog=0': 'backlog' is '0' is out of range: give a whole number from 1 to 65535"
        ),
        (
            "unix:/a,mode=0999",
            "'unix:/a,mode=0999': 'mode' is '0999': give octal permissions from 0000 to 0777, as in mode=0660"
        ),
        (
            ":80,name=a:b",
            "':80,name=a:b': 'name' is 'a:b': give 1 to 255 letters, digits or signs like - _ . @"
        ),
    ])
    func `a wrong option is told what would be right`(_ text: String, _ expected: String) {
        #expect(refusal(text) == expected)
    }

    @Test(arguments: ["unix:/a,mode=1777", "unix:/a,mode=00660", "unix:/a,mode=", ":80,name=", ":80,name=a b"])
    func `a value outside its form is refused`(_ text: String) {
        #expect(refusal(text) != nil)
    }

    @Test func `a path that the kernel cannot take is refused with both lengths`() throws {
        let text = "unix:/" + String(repeating: "é", count: 54)
        #expect(try #require(refusal(text)).hasSuffix(" is too long: 109 bytes of path, where Linux takes 107"))
    }

    @Test func `the same address twice is an error in whatever spelling and with whatever options`() throws {
        for (first, second) in [("80", "*:80,nodelay"), ("[::1]:80", "[0:0::1]:80"), ("unix:/a", "unix:/a,mode=0600")] {
            let list = [try ListenSpecification(first), try ListenSpecification(second)]
            let refusal = problem { () throws(InvalidValue) in try ListenSpecification.checkDistinct(list) }
            #expect(refusal == "'\(list[0].address)' is given twice: leave one out")
        }
    }

    @Test func `different addresses and ports that the kernel picks can stand together`() throws {
        let texts = [":0", ":0", "[::]:80", ":80", "127.0.0.1:80", "a:80", "unix:/a", "unix:/b"]
        var list: [ListenSpecification] = []
        for text in texts { list.append(try ListenSpecification(text)) }
        try ListenSpecification.checkDistinct(list)
    }
}
