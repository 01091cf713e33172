// SPDX-License-Identifier: Apache-2.0

import Glibc

extension TestServer {
    /// Node, alone and behind programs that start it.
    static let node = [
        TestServer(testDescription: "Node http", command: plain(program, "\(files)/http.js"), version: nodeVersion),
        TestServer(
            testDescription: "Node http2",
            command: plain(program, "\(files)/http2.js"),
            version: nodeVersion,
            exchange: .http2
        ),
        TestServer(
            testDescription: "Node ws",
            command: plain(program, "\(files)/websocket.js"),
            version: [program, "-p", "require('/usr/share/nodejs/ws/package.json').version"],
            exchange: .webSocket
        ),
        TestServer(
            testDescription: "Node behind a shell",
            command: { _ in ["/bin/sh", "-c", "\(program) \(files)/http.js; true"] },
            version: nodeVersion
        ),
        TestServer(
            testDescription: "Node behind a program that loses descriptors",
            command: plain(program, "\(files)/wrapper.js", program, "\(files)/http.js"),
            version: nodeVersion
        ),
        TestServer(
            testDescription: "npm start",
            command: plain(npm, "start", "--silent", "--prefix", files),
            version: [npm, "--version"],
            missing: access(npm, X_OK) == 0 ? nil : "npm comes with Node's own package, not with Debian's"
        ),
    ]

    private static let program = "/usr/bin/node"
    private static let npm = "/usr/bin/npm"
    private static let nodeVersion = [program, "--version"]
}
