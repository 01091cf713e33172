// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

/// A server program as it is, started as it would be by hand, on the port that the master tells in PORT.
///
/// Its files are in Tests/Servers. All answer alike: `/` at once with `id=N`, the worker's number, and `/slow` after
/// 300 ms with 100 kB more, or in parts over such a time.
struct TestServer: CustomTestStringConvertible, Sendable {
    /// What can be checked of a server.
    enum Check: CaseIterable, Sendable {
        /// Round robin over two workers, and every close is seen.
        case load
        /// What waits for a worker that is killed is served by another.
        case kill
        /// Reloads and drains under load.
        case drain
        /// Nothing is given to a program that loads its application, or fails to.
        case readiness
    }

    let testDescription: String

    /// The command; it may use a directory of its own.
    let command: @Sendable (_ directory: String) throws -> [String]

    /// Prints the version in its first line that has a digit.
    let version: [String]

    /// How clients ask it.
    var exchange = Exchange.http

    /// What docs/WORKERS.md says that it needs.
    var options: [String] = []

    /// Serves one connection at a time, or as many as it has processes: a queue of its own would only delay.
    var isSerial = false

    /// Checks that do not apply, and why.
    var exceptions: [Check: String] = [:]

    /// Why it cannot run on this machine, nil when it can.
    var missing: String?

    /// The flags of a master for a check that is about what happens to waiting connections.
    var queueOptions: [String] { options + (isSerial ? ["--max-connections", "1"] : []) }

    /// Those that can be checked so here.
    static func all(for check: Check) -> [TestServer] {
        all.filter { $0.exceptions[check] == nil && $0.missing == nil }
    }

    static let all = python + webServers + node + php + ruby + perl + redis + c + swift
}

extension TestServer {
    /// Where their files are.
    static let files = root + "/Tests/Servers"

    /// Where PyPI's programs are, which the Makefile installs.
    static let venv = root + "/.build/test-venv/bin"

    /// For every master: where Python looks for applications, and that it leaves nothing behind.
    static let environment = ["PYTHONPATH": files, "PYTHONDONTWRITEBYTECODE": "1"]

    private static let root: String = {
        // ROOT/Tests/IntegrationTests/Conformance/TestServer.swift
        #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()
    }()

    /// A command in which the shell puts the port in its place, and then is gone.
    static func shell(_ line: String) -> @Sendable (String) -> [String] {
        { _ in ["/bin/sh", "-c", "exec \(line)"] }
    }

    /// A program and its arguments as they are.
    static func plain(_ words: String...) -> @Sendable (String) -> [String] {
        { _ in words }
    }

    /// A script of ours that writes a configuration into the directory, and becomes the server.
    static func configured(_ script: String, _ words: String...) -> @Sendable (String) -> [String] {
        { directory in ["/bin/sh", "\(files)/\(script)", directory] + words }
    }

    /// The reason of those that only have files to serve.
    static let nothingToLoad: [Check: String] = [.readiness: "it has no application that could take long to load"]
}
