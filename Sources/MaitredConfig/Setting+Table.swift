// SPDX-License-Identifier: Apache-2.0

import MaitredBalance

extension Setting {
    /// Every setting, in the order of the help and the documentation.
    package static let all: [Setting] = [
        .listen,
        .command, .workers, .workerNofile, .workerUser, .noPreload, .appPort,
        .maxRestarts, .drainSignal, .stopSignal, .dumpSignal,
        .strategy, .queueDepth, .maxConnections,
        .maxMemory, .memoryLimit, .maxCPU, .recycle, .maxAge, .maxRequests,
        .stallTimeout, .hangTimeout, .startTimeout, .minUptime, .restartDelay, .drainTimeout, .killTimeout, .spread,
        .control, .controlGroup, .name,
        .logLevel, .statusInterval, .noPrefix,
        .config,
    ]

    // MARK: - Listening

    package static let listen = Setting(
        "listen",
        placeholder: "ADDR",
        expectation: "addresses like \(ListenSpecification.examples)",
        defaultText: "none",
        isList: true,
        help: "Where clients connect; can be repeated",
        texts: { $0.listen.map(\.description) },
        take: { configuration, texts, _ throws(InvalidValue) in
            var list: [ListenSpecification] = []
            for text in texts {
                list.append(try ListenSpecification(text))
            }
            try ListenSpecification.checkDistinct(list)
            configuration.listen = list
        }
    ).changed(by: .restart)

    // MARK: - Workers

    package static let command = Setting(
        "command",
        placeholder: "COMMAND",
        expectation: "a program and its arguments, quoted as for a shell",
        defaultText: "none",
        hasFlag: false,
        help: "The program that every worker runs, and its arguments",
        texts: { $0.command.isEmpty ? [] : [shellText($0.command)] },
        take: { configuration, texts, _ throws(InvalidValue) in
            for text in texts {
                configuration.command = try shellWords(text)
            }
        }
    ).changed(by: .newWorkers)

    package static let workers = Setting(
        "workers",
        placeholder: "N|auto",
        expectation: wholeNumberExpectation(Configuration.workersRange, orWord: "auto"),
        defaultText: "auto",
        help: "How many workers run; auto is one per processor",
        texts: { ["\($0.workers)"] },
        take: { configuration, texts, processors throws(InvalidValue) in
            for text in texts {
                configuration.workers =
                    text == "auto"
                    ? Configuration.workers(for: processors)
                    : try wholeNumber(text, in: Configuration.workersRange, orWord: "auto")
            }
        }
    )

    package static let workerNofile = limit(
        "worker-nofile",
        \.workerNofile,
        // Below 64 no runtime starts; 1,048,576 is the kernel's own ceiling (fs.nr_open) unless somebody raised it.
        in: 64...1_048_576,
        help: "How many files a worker may have open; none keeps the limit that maitred was started with"
    ).changed(by: .newWorkers)

    package static let workerUser = account(
        "worker-user",
        \.workerUser,
        kind: "a user",
        help: "The user that workers run as, so that they cannot touch the master; maitred must be started as root"
    ).changed(by: .newWorkers)

    package static let noPreload = turnedOff(
        "no-preload",
        \.usesPreload,
        help: "Do not load the library that makes programs workers that know nothing of maitred"
    ).changed(by: .newWorkers)

    package static let appPort = optional(
        "app-port",
        \.appPort,
        placeholder: "PORT|any",
        expectation: AppPort.expectation,
        help: "A port that a program binds which knows nothing of maitred, meaning the first listener; any: whichever",
        write: { "\($0)" },
        read: { text throws(InvalidValue) in try AppPort(text) }
    ).changed(by: .newWorkers)

    package static let maxRestarts = number(
        "max-restarts",
        \.maxRestarts,
        in: 1...1_000,
        help: "How many failed starts in a row give a worker up"
    )

    package static let drainSignal = optionalSignal(
        "drain-signal",
        \.drainSignal,
        help: "Sent to a worker as soon as it is to finish its connections"
    )

    package static let stopSignal = single(
        "stop-signal",
        \.stopSignal,
        placeholder: "SIGNAL",
        expectation: "a signal like TERM, SIGTERM or 15",
        help: "Sent to a worker when its connections are finished, or their time is up",
        write: { "\($0)" },
        read: { text throws(InvalidValue) in try SignalName(text) }
    )

    package static let dumpSignal = optionalSignal(
        "dump-signal",
        \.dumpSignal,
        help: "Sent to a worker that hangs, so that it tells where, before it is killed"
    )

    // MARK: - Choosing

    package static let strategy = choice(
        "strategy",
        \.strategy,
        placeholder: "NAME",
        kind: "a strategy",
        help: "Which worker gets a connection",
        summary: \.summary
    )

    package static let queueDepth = number(
        "queue-depth",
        \.queueDepth,
        // More than 64 packets do not reliably fit the socket buffer that wakes the master when it empties.
        in: 1...64,
        help: "How many connections may wait for one worker"
    ).changed(by: .newWorkers)

    package static let maxConnections = limit(
        "max-connections",
        \.maxConnections,
        in: 1...1_000_000,
        help: "How many connections one worker may have open; give 1 for programs that serve one at a time"
    )

    // MARK: - Limits

    package static let maxMemory = sizeLimit(
        "max-memory",
        \.maxMemory,
        in: memoryRange,
        help: "Above this memory a worker is warned about, and least-memory picks others"
    )

    package static let memoryLimit = sizeLimit(
        "memory-limit",
        \.memoryLimit,
        in: memoryRange,
        help: "Above this memory a worker is killed and replaced"
    )

    package static let maxCPU = percentLimit(
        "max-cpu",
        \.maxCPU,
        // 100 processors: more would be one worker for the whole machine.
        in: 1...10_000,
        help: "Above this share of one processor a worker is warned about"
    )

    package static let recycle = choice(
        "recycle",
        \.recycle,
        placeholder: "WHAT",
        kind: "a threshold",
        help: "Which threshold has a worker drained and replaced",
        summary: \.summary
    )

    package static let maxAge = timeLimit(
        "max-age",
        \.maxAge,
        // A year: longer than that nobody wants to wait for what this is meant to prevent.
        in: Duration.seconds(1)...Duration.seconds(365 * 86_400),
        orWord: "none",
        help: "How long a worker lives until it is drained and replaced, never all at once"
    )

    package static let maxRequests = limit(
        "max-requests",
        \.maxRequests,
        in: 1...1_000_000_000,
        help: "How many requests a worker serves until it is drained and replaced, never all at once"
    )

    // MARK: - Timeouts

    package static let stallTimeout = time(
        "stall-timeout",
        \.stallTimeout,
        in: .milliseconds(1)...hour,
        help: "How long a worker may leave a connection waiting before others get its queue"
    )

    package static let hangTimeout = timeLimit(
        "hang-timeout",
        \.hangTimeout,
        in: .milliseconds(100)...day,
        orWord: "auto",
        help: "How long a worker may stand still before it is killed; auto is 30s, and spares workers without heartbeat"
    )

    package static let startTimeout = time(
        "start-timeout",
        \.startTimeout,
        in: .milliseconds(100)...hour,
        help: "How long a worker may take to get ready before it is killed, which is a failed start"
    )

    package static let minUptime = time(
        "min-uptime",
        \.minUptime,
        in: .zero...hour,
        help: "How long a worker must have been ready for its exit not to be a failed start"
    )

    package static let restartDelay = time(
        "restart-delay",
        \.restartDelay,
        // 30 s is where the growing pause between restarts ends.
        in: .milliseconds(10)...Duration.seconds(30),
        help: "The pause after a failed start; each further one makes it half as long again, up to 30s"
    )

    package static let drainTimeout = time(
        "drain-timeout",
        \.drainTimeout,
        in: .zero...day,
        help: "How long a worker that is to stop may finish its connections"
    )

    package static let killTimeout = time(
        "kill-timeout",
        \.killTimeout,
        in: .zero...hour,
        help: "How long a worker may live on after the stop signal before it is killed"
    )

    package static let spread = time(
        "spread",
        \.spread,
        in: .zero...hour,
        help: "The pause between the steps of a rolling reload"
    )

    // MARK: - Control

    package static let control = single(
        "control",
        \.control,
        placeholder: "PATH|auto|none",
        expectation: "an absolute path of at most \(ListenSpecification.longestPath) bytes, 'auto' or 'none'",
        help: "Where maitred status, reload and the other commands reach the master",
        write: \.description,
        read: { text throws(InvalidValue) in try ControlLocation(text) }
    ).changed(by: .restart)

    package static let controlGroup = account(
        "control-group",
        \.controlGroup,
        kind: "a group",
        help: "The group whose members may use the control socket too"
    ).changed(by: .restart)

    package static let name = Setting(
        "name",
        placeholder: "NAME",
        expectation: serviceNameExpectation,
        defaultText: "base name of the command, with -2, -3 ... where another master has it",
        help: "What the service is called in commands and in the journal",
        texts: { [$0.serviceName] },
        take: { configuration, texts, _ throws(InvalidValue) in
            for text in texts {
                configuration.name = try serviceName(text)
            }
        }
    ).changed(by: .restart)

    // MARK: - Logging

    package static let logLevel = choice(
        "log-level",
        \.logLevel,
        placeholder: "LEVEL",
        kind: "a log level",
        help: "The least important messages that are logged",
        summary: { _ in nil }
    ).changed(by: .restart)

    package static let statusInterval = interval(
        "status-interval",
        \.statusInterval,
        in: Duration.seconds(1)...day,
        help: "How often a line with the state of all workers is logged"
    )

    package static let noPrefix = turnedOff(
        "no-prefix",
        \.isOutputPrefixed,
        help: "Pass on what workers write to a terminal without their number before each line"
    ).changed(by: .restart)

    /// A setting that is on unless it is given: "yes" turns it off.
    private static func turnedOff(
        _ name: String,
        _ value: any WritableKeyPath<Configuration, Bool> & Sendable,
        help: String
    ) -> Setting {
        single(
            name,
            value,
            placeholder: "yes|no",
            expectation: "'yes' or 'no'",
            takesValue: false,
            help: help,
            write: { $0 ? "no" : "yes" },
            read: { text throws(InvalidValue) in
                switch text {
                case "yes": return false
                case "no": return true
                default: throw InvalidValue("\(quoted(text)) is neither yes nor no: give 'yes' or 'no'")
                }
            }
        )
    }

    // MARK: - Configuration file

    /// Names the file that the other settings may come from, so it has no value of its own in the configuration.
    package static let config = Setting(
        "config",
        placeholder: "FILE",
        expectation: "the path of a readable file of at most 1 MiB",
        defaultText: "none",
        help: "A file of KEY=VALUE lines that set the variables named here",
        texts: { _ in [] },
        take: { _, _, _ in }
    )
}

/// Below 1 MB no process runs; 16 TB is more than any machine of today has.
private let memoryRange = 1_000_000...16_000_000_000_000
private let hour = Duration.seconds(3_600)
/// The longest time that connections of a service can reasonably be waited for.
private let day = Duration.seconds(86_400)
