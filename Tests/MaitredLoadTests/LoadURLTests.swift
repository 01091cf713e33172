// SPDX-License-Identifier: Apache-2.0

import MaitredLoad
import Testing

struct LoadURLTests {
    @Test(arguments: [
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, "/", "127.0.0.1:8080"),
        ("http://example.org", "example.org", 80, "/", "example.org"),
        ("HTTP://example.org/a/b?c=d&e", "example.org", 80, "/a/b?c=d&e", "example.org"),
        ("http://[::1]:81/x", "::1", 81, "/x", "[::1]:81"),
        ("[::1]", "::1", 80, "/", "[::1]"),
        ("localhost:8080", "localhost", 8080, "/", "localhost:8080"),
        (":8080", "127.0.0.1", 8080, "/", "127.0.0.1:8080"),
        (":8080/work?ms=5", "127.0.0.1", 8080, "/work?ms=5", "127.0.0.1:8080"),
        ("http://h?q=1", "h", 80, "/?q=1", "h"),
    ])
    func `it is taken apart`(text: String, host: String, port: UInt16, path: String, authority: String) throws {
        let url = try LoadURL(text)
        #expect(url.host == host && url.port == port && url.path == path && url.authority == authority)
    }

    @Test(arguments: [
        ("https://example.org/", "only http"), ("ftp://x", "only http"), ("http://:0/", "port"),
        ("http://h:65536/", "port"), ("http://h:x/", "port"), ("http://h:/", "port"), ("http:///x", "host"),
        ("", "host"),
        ("http://[::1:80/", "]"), ("http://[::1]x/", "port"), ("http://u@h/", "user"), ("http://h/a b", "%XX"),
        ("http://h/a#b", "%XX"), ("http://h/\u{7F}", "%XX"), ("http://h/ä", "%XX"), ("http://h/a\r\nX: y", "%XX"),
    ])
    func `what is wrong is said`(text: String, word: String) {
        let error = #expect(throws: LoadFailure.self) { try LoadURL(text) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("\n") == false || text.contains("\n"))
    }
}
