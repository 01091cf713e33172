// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

extension TestServer {
    /// The server that comes with PHP.
    static let php = [
        TestServer(
            testDescription: "php -S",
            command: shell("/usr/bin/php -S 0.0.0.0:$PORT \(files)/router.php"),
            version: phpVersion,
            isSerial: true,
            exceptions: scriptPerRequest
        ),
        TestServer(
            testDescription: "php -S (2 workers of its own)",
            command: shell("env PHP_CLI_SERVER_WORKERS=2 /usr/bin/php -S 0.0.0.0:$PORT \(files)/router.php"),
            version: phpVersion,
            exceptions: scriptPerRequest
        ),
    ]

    private static let phpVersion = ["/usr/bin/php", "--version"]
    private static let scriptPerRequest: [Check: String] = [.readiness: "it reads the script at each request"]

    static let ruby = [
        TestServer(
            testDescription: "Puma",
            command: plain("/usr/bin/puma", "--quiet", "--config", "\(files)/puma.rb"),
            version: ["/usr/bin/puma", "--version"]
        ),
        TestServer(
            testDescription: "WEBrick",
            command: plain("/usr/bin/ruby", "\(files)/webrick.rb"),
            version: ["/usr/bin/ruby", "-r", "webrick", "-e", "puts WEBrick::VERSION"]
        ),
    ]

    static let perl = [
        TestServer(
            testDescription: "Perl (accept loop)",
            command: plain("/usr/bin/perl", "\(files)/accept.pl"),
            version: perlVersion,
            isSerial: true
        ),
        TestServer(
            testDescription: "Perl (a process for each connection)",
            command: plain("/usr/bin/perl", "\(files)/accept.pl", "fork"),
            version: perlVersion
        ),
    ]

    private static let perlVersion = ["/usr/bin/perl", "-e", "print \"$^V\\n\""]

    /// The ways in which programs wait for a connection: Tests/CServer.
    static let c = [
        c("blocking", isSerial: true), c("poll", isSerial: true), c("select", isSerial: true),
        c("epoll", isSerial: true), c("early", isSerial: true), c("threads"), c("forks"), c("shared"),
    ]

    private static func c(_ mode: String, isSerial: Bool = false) -> TestServer {
        TestServer(
            testDescription: "C (\(mode))",
            command: { _ in [try ProgramPath.built("maitred-test-c-server"), mode] },
            version: libcVersion,
            isSerial: isSerial
        )
    }

    private static let libcVersion = ["/usr/bin/ldd", "--version"]

    static let swift = [
        TestServer(
            testDescription: "Hummingbird",
            command: { _ in [try ProgramPath.built("maitred-test-hummingbird")] },
            version: libcVersion,
            exceptions: nothingToLoad
        )
    ]
}
