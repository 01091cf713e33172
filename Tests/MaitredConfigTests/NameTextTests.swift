// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct NameTextTests {
    @Test(arguments: ["web", "shop-api", "v2.1", "1", "A_b", String(repeating: "a", count: 64)])
    func `letters, digits and three signs are a service name`(_ text: String) throws {
        #expect(try serviceName(text) == text)
    }

    @Test(arguments: ["", ".", "..", "-a", "_a", "a/b", "a b", "é", "a\n", String(repeating: "a", count: 65)])
    func `anything else is no service name`(_ text: String) {
        let refusal = problem { () throws(InvalidValue) in try serviceName(text) }
        #expect(refusal?.hasSuffix("give 1 to 64 letters, digits or . _ -, the first a letter or digit") == true)
    }

    @Test(arguments: [
        ("server", "server"), ("/opt/web/bin/server", "server"), ("./server.py", "server.py"), ("/opt/web/", "web"),
        ("my server", "my-server"), ("été", "t--"), (".hidden", "hidden"), ("", "maitred"), ("///", "maitred"),
        ("...", "maitred"), (String(repeating: "a", count: 99), String(repeating: "a", count: 64)),
    ])
    func `a service without a name has that of its command`(_ command: String, _ expected: String) throws {
        #expect(serviceName(ofCommand: command) == expected)
        #expect(try serviceName(expected) == expected)
    }

    @Test(arguments: [("web", "web-2"), (String(repeating: "a", count: 64), String(repeating: "a", count: 62) + "-2")])
    func `the second service of a name has a name too`(_ name: String, _ expected: String) throws {
        #expect(numberedName(name, 2) == expected)
        #expect(try serviceName(expected) == expected)
    }

    @Test(arguments: ["root", "www-data", "_apt", "svc$", "user@example.org", "1000"])
    func `a user can have any name of a user database`(_ text: String) throws {
        #expect(try accountName(text, "a user") == text)
    }

    @Test(arguments: ["", "-x", "a:b", "a/b", "a b", "a,b", "é", "\0", String(repeating: "a", count: 256)])
    func `what separates fields is in no user's name`(_ text: String) {
        let refusal = problem { () throws(InvalidValue) in try accountName(text, "a user") }
        #expect(refusal?.hasSuffix("is not a user: give the name of one, or 'none'") == true)
    }
}
