// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct IPAddressTextTests {
    @Test(arguments: ["0.0.0.0", "127.0.0.1", "255.255.255.255", "10.0.0.10"])
    func `four numbers up to 255 are an IPv4 address`(_ text: String) {
        #expect(isIPv4Address(text))
    }

    @Test(arguments: ["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.-4", "01.2.3.4", "1..2.3", "1.2.3.4 ", "a.b.c.d"])
    func `anything else is none`(_ text: String) {
        #expect(!isIPv4Address(text))
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("0:0:0:0:0:0:0:1", "::1"), ("2001:DB8::0001", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("1:0:0:0:0:0:0:0", "1::"), ("::ffff:192.0.2.1", "::ffff:c000:201"), ("fe80::1%eth0", "fe80::1%eth0"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1::8", "1::8"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
    func `an IPv6 address has one canonical text`(_ text: String, _ expected: String) {
        #expect(canonicalIPv6Address(text) == expected)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "12345::", "g::", "1:2:3:4:5:6:7::8",
        "::1.2.3", "1.2.3.4::", "::1%", "::1%a/b", "::1%0123456789abcdef", "::-1", "::+1", ":1::2", "1::2:", " ::1",
    ])
    func `anything else has none`(_ text: String) {
        #expect(canonicalIPv6Address(text) == nil)
    }
}
