// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig
import MaitredSystem

/// `maitred serve`: the master itself, in the foreground.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Listen, start the workers, and hand connections over until told to stop.",
        usage: "maitred serve [<options>] -- <command> [<argument> ...]",
        discussion: """
            Four workers behind port 8080, each connection to the least busy one:

              maitred serve --listen :8080 --workers 4 \\
                --strategy least-connections -- ./server --quiet

            A Unix socket for a proxy, the other settings from a file:

              maitred serve --config /etc/maitred/web.conf \\
                --listen unix:/run/web.sock,mode=0660 -- ./server

            ADDR is 8080, :8080, 127.0.0.1:8080, [::1]:8080, name:8080 or unix:/path, with options behind it: \
            ,backlog=N ,nodelay ,name=NAME and, for a Unix socket, ,mode=0660. TIME has a unit: 250us, 100ms, 1.5s, \
            2m, 1h. SIZE has one too: 500MB and 1.5GB count by 1000, 512MiB and 512M by 1024. Each option has a \
            variable; the option counts before the variable, and the variable before the same line in the file of \
            --config.
            """
    )

    @OptionGroup var options: ServeOptions

    func run() throws {
        let sources = try options.sources()
        try serve(sources.resolved()) { () throws(ConfigurationError) in try sources.resolved() }
    }
}

extension ConfigurationSources {
    /// Bytes of the largest configuration file that is read: a real one has a few thousand.
    private static let largestFile = 1 << 20

    /// The configuration as the sources, the file among them, give it now.
    func resolved() throws(ConfigurationError) -> Configuration {
        try resolve(processors: processorCount()) { path throws(InvalidValue) in
            do throws(UnreadableFile) {
                return try TextFile.read(path, limit: Self.largestFile)
            } catch {
                throw InvalidValue(error.reason)
            }
        }
    }
}
