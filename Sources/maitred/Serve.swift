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
            2m, 1h. Each option has a variable; the option counts before the variable, and the variable before the \
            same line in the file of --config.
            """
    )

    @OptionGroup(title: "Listening") var listening: ListeningOptions
    @OptionGroup(title: "Workers") var workers: WorkerOptions
    @OptionGroup(title: "Choosing") var choosing: ChoosingOptions
    @OptionGroup(title: "Timeouts") var timeouts: TimeoutOptions
    @OptionGroup(title: "Logging") var logging: LoggingOptions

    @Option(name: .of(.config), help: .of(.config), completion: .file())
    var config: String?

    @Argument(parsing: .postTerminator, help: .of(.command))
    var command: [String] = []

    /// Bytes of the largest configuration file that is read: a real one has a few thousand.
    private static let largestFile = 1 << 20

    func run() throws {
        try serve(resolved())
    }

    /// The configuration from all sources.
    private func resolved() throws(ConfigurationError) -> Configuration {
        let flags =
            listening.given + workers.given + choosing.given + timeouts.given + logging.given
            + given([(.config, config)])
        let environment = try settingsInEnvironment()
        var file: (name: String, text: String)?
        if let (path, origin) = Configuration.file(flags: flags, environment: environment) {
            do throws(UnreadableFile) {
                file = (path, try TextFile.read(path, limit: Self.largestFile))
            } catch {
                throw ConfigurationError(origin: origin, problem: "cannot read \(visible(path)): \(error.reason)")
            }
        }
        return try .resolve(
            flags: flags,
            command: command,
            environment: environment,
            file: file,
            processors: processorCount()
        )
    }
}
