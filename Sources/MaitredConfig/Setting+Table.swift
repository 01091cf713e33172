// SPDX-License-Identifier: Apache-2.0

import MaitredBalance

extension Setting {
    /// Every setting, in the order of the help and the documentation.
    package static let all: [Setting] = [
        .listen,
        .command, .workers, .workerNofile, .maxRestarts, .drainSignal, .stopSignal,
        .strategy, .queueDepth, .maxConnections,
        .stallTimeout, .startTimeout, .minUptime, .restartDelay, .drainTimeout, .killTimeout,
        .logLevel, .statusInterval,
        .config,
    ]

    // MARK: - Listening

    package static let listen = Setting(
        "listen",
        placeholder: "ADDR",
        expectation: "addresses like \(ListenSpecification.examples)",
        defaultText: "none",
        isList: true,
        help: "Where clients connect; can be repeated"
    ) { configuration, texts, _ throws(InvalidValue) in
        var list: [ListenSpecification] = []
        for text in texts {
            list.append(try ListenSpecification(text))
        }
        try ListenSpecification.checkDistinct(list)
        configuration.listen = list
    }

    // MARK: - Workers

    package static let command = Setting(
        "command",
        placeholder: "COMMAND",
        expectation: "a program and its arguments, quoted as for a shell",
        defaultText: "none",
        hasFlag: false,
        help: "The program that every worker runs, and its arguments"
    ) { configuration, texts, _ throws(InvalidValue) in
        for text in texts {
            configuration.command = try shellWords(text)
        }
    }

    package static let workers = Setting(
        "workers",
        placeholder: "N|auto",
        expectation: wholeNumberExpectation(Configuration.workersRange, orWord: "auto"),
        defaultText: "auto",
        help: "How many workers run; auto is one per processor"
    ) { configuration, texts, processors throws(InvalidValue) in
        for text in texts {
            configuration.workers =
                text == "auto"
                ? Configuration.workers(for: processors)
                : try wholeNumber(text, in: Configuration.workersRange, orWord: "auto")
        }
    }

    package static let workerNofile = limit(
        "worker-nofile",
        \.workerNofile,
        // Below 64 no runtime starts; 1,048,576 is the kernel's own ceiling (fs.nr_open) unless somebody raised it.
        in: 64...1_048_576,
        help: "How many files a worker may have open; none keeps the limit that maitred was started with"
    )

    package static let maxRestarts = number(
        "max-restarts",
        \.maxRestarts,
        in: 1...1_000,
        help: "How many failed starts in a row give a worker up"
    )

    package static let drainSignal = single(
        "drain-signal",
        \.drainSignal,
        placeholder: "SIGNAL|none",
        expectation: "a signal like TERM, SIGTERM or 15, or 'none'",
        defaultText: "none",
        help: "Sent to a worker as soon as it is to finish its connections"
    ) { text throws(InvalidValue) in
        text == "none" ? nil : try SignalName(text)
    }

    package static let stopSignal = single(
        "stop-signal",
        \.stopSignal,
        placeholder: "SIGNAL",
        expectation: "a signal like TERM, SIGTERM or 15",
        defaultText: "\(SignalName.terminate)",
        help: "Sent to a worker when its connections are finished, or their time is up"
    ) { text throws(InvalidValue) in
        try SignalName(text)
    }

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
    )

    package static let maxConnections = limit(
        "max-connections",
        \.maxConnections,
        in: 1...1_000_000,
        help: "How many connections one worker may have open; give 1 for programs that serve one at a time"
    )

    // MARK: - Timeouts

    package static let stallTimeout = time(
        "stall-timeout",
        \.stallTimeout,
        in: .milliseconds(1)...hour,
        help: "How long a worker may leave a connection waiting before others get its queue"
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

    // MARK: - Logging

    package static let logLevel = choice(
        "log-level",
        \.logLevel,
        placeholder: "LEVEL",
        kind: "a log level",
        help: "The least important messages that are logged",
        summary: { _ in nil }
    )

    package static let statusInterval = interval(
        "status-interval",
        \.statusInterval,
        in: Duration.seconds(1)...day,
        help: "How often a line with the state of all workers is logged"
    )

    // MARK: - Configuration file

    /// Names the file that the other settings may come from, so it has no value of its own in the configuration.
    package static let config = Setting(
        "config",
        placeholder: "FILE",
        expectation: "the path of a readable file of at most 1 MiB",
        defaultText: "none",
        help: "A file of KEY=VALUE lines that set the variables named here"
    ) { _, _, _ in }
}

private let hour = Duration.seconds(3_600)
/// The longest time that connections of a service can reasonably be waited for.
private let day = Duration.seconds(86_400)
