// SPDX-License-Identifier: Apache-2.0

extension TestServer {
    /// Servers of files.
    static let webServers = [
        TestServer(
            testDescription: "nginx (single process)",
            command: configured("nginx.sh", "master_process off;"),
            version: ["/usr/sbin/nginx", "-v"],
            // No drain signal: without a master process it ends at QUIT at once.
            exceptions: nothingToLoad
        ),
        TestServer(
            testDescription: "nginx (workers of its own)",
            command: configured("nginx.sh", "worker_processes 2;"),
            version: ["/usr/sbin/nginx", "-v"],
            options: ["--drain-signal", "QUIT"],
            exceptions: nothingToLoad
        ),
        TestServer(
            testDescription: "lighttpd",
            command: configured("lighttpd.sh"),
            version: ["/usr/sbin/lighttpd", "-v"],
            options: ["--drain-signal", "INT"],
            exceptions: nothingToLoad
        ),
        apache("event"),
        apache("prefork"),
    ]

    private static func apache(_ module: String) -> TestServer {
        TestServer(
            testDescription: "Apache (\(module))",
            command: configured("apache.sh", module),
            version: ["/usr/sbin/apache2", "-v"],
            options: ["--drain-signal", "WINCH"],
            exceptions: nothingToLoad
        )
    }

    static let redis = [
        TestServer(
            testDescription: "Redis",
            command: configured("redis.sh"),
            version: ["/usr/bin/redis-server", "--version"],
            exchange: .redis,
            exceptions: nothingToLoad
        )
    ]
}
