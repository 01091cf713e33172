// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig

// Options are plain texts: names, help and parsers come from the table of settings, so that flags, variables and the
// file have one spelling and one form of error.

extension NameSpecification {
    /// The flag of a setting.
    static func of(_ setting: Setting) -> Self {
        .customLong(setting.name)
    }
}

extension ArgumentHelp {
    /// The help of a setting, with its default, its variable and its choices.
    static func of(_ setting: Setting) -> Self {
        .init(
            "\(setting.help). (default: \(setting.defaultText); \(setting.variable))",
            discussion: choices(setting.choices),
            valueName: setting.takesValue ? setting.placeholder : nil
        )
    }

    /// A line for each choice, the words in one column; a single line if no word needs explaining.
    private static func choices(_ choices: [Setting.Choice]) -> String {
        let width = choices.map(\.word.count).max() ?? 0
        let lines = choices.compactMap { choice in
            choice.summary.map { choice.word + String(repeating: " ", count: width + 2 - choice.word.count) + $0 }
        }
        return lines.isEmpty ? choices.map(\.word).joined(separator: ", ") : lines.joined(separator: "\n")
    }
}

extension CompletionKind {
    /// The words that a shell offers for a setting.
    static func of(_ setting: Setting) -> Self {
        .list(setting.choices.map(\.word))
    }
}

/// The options that were given, in order.
func given(_ options: [(setting: Setting, text: String?)]) -> [RawSetting] {
    options.compactMap { option in
        option.text.map { RawSetting(option.setting, $0) }
    }
}

/// Everything that `maitred serve` can be told, and `maitred check` with it.
struct ServeOptions: ParsableArguments {
    @OptionGroup(title: "Listening") var listening: ListeningOptions
    @OptionGroup(title: "Workers") var workers: WorkerOptions
    @OptionGroup(title: "Choosing") var choosing: ChoosingOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions
    @OptionGroup(title: "Timeouts") var timeouts: TimeoutOptions
    @OptionGroup(title: "Control") var control: ControlOptions
    @OptionGroup(title: "Logging") var logging: LoggingOptions

    @Option(name: .of(.config), help: .of(.config), completion: .file())
    var config: String?

    @Argument(parsing: .postTerminator, help: .of(.command))
    var command: [String] = []

    /// What was given here and in the environment, to be resolved now and again at every reload.
    func sources() throws(ConfigurationError) -> ConfigurationSources {
        let flags =
            listening.given + workers.given + choosing.given + limits.given + timeouts.given + control.given
            + logging.given + maitred.given([(.config, config)])
        return ConfigurationSources(flags: flags, command: command, environment: try settingsInEnvironment())
    }
}

/// `--listen`.
struct ListeningOptions: ParsableArguments {
    @Option(name: .of(.listen), help: .of(.listen))
    var listen: [String] = []

    var given: [RawSetting] { listen.map { RawSetting(.listen, $0) } }
}

/// How many workers there are, and how they are told to end.
struct WorkerOptions: ParsableArguments {
    @Option(name: .of(.workers), help: .of(.workers))
    var workers: String?

    @Option(name: .of(.workerNofile), help: .of(.workerNofile))
    var workerNofile: String?

    @Option(name: .of(.workerUser), help: .of(.workerUser))
    var workerUser: String?

    @Flag(name: .of(.noPreload), help: .of(.noPreload))
    var noPreload = false

    @Option(name: .of(.appPort), help: .of(.appPort))
    var appPort: String?

    @Option(name: .of(.maxRestarts), help: .of(.maxRestarts))
    var maxRestarts: String?

    @Option(name: .of(.drainSignal), help: .of(.drainSignal))
    var drainSignal: String?

    @Option(name: .of(.stopSignal), help: .of(.stopSignal))
    var stopSignal: String?

    @Option(name: .of(.dumpSignal), help: .of(.dumpSignal))
    var dumpSignal: String?

    var given: [RawSetting] {
        maitred.given([
            (.workers, workers),
            (.workerNofile, workerNofile),
            (.workerUser, workerUser),
            (.noPreload, noPreload ? "yes" : nil),
            (.appPort, appPort),
            (.maxRestarts, maxRestarts),
            (.drainSignal, drainSignal),
            (.stopSignal, stopSignal),
            (.dumpSignal, dumpSignal),
        ])
    }
}

/// Which worker gets a connection, and which gets none.
struct ChoosingOptions: ParsableArguments {
    @Option(name: .of(.strategy), help: .of(.strategy), completion: .of(.strategy))
    var strategy: String?

    @Option(name: .of(.queueDepth), help: .of(.queueDepth))
    var queueDepth: String?

    @Option(name: .of(.maxConnections), help: .of(.maxConnections))
    var maxConnections: String?

    var given: [RawSetting] {
        maitred.given([
            (.strategy, strategy),
            (.queueDepth, queueDepth),
            (.maxConnections, maxConnections),
        ])
    }
}

/// When a worker is warned about, replaced or killed for what it uses.
struct LimitOptions: ParsableArguments {
    @Option(name: .of(.maxMemory), help: .of(.maxMemory))
    var maxMemory: String?

    @Option(name: .of(.memoryLimit), help: .of(.memoryLimit))
    var memoryLimit: String?

    @Option(name: .of(.maxCPU), help: .of(.maxCPU))
    var maxCPU: String?

    @Option(name: .of(.recycle), help: .of(.recycle), completion: .of(.recycle))
    var recycle: String?

    @Option(name: .of(.maxAge), help: .of(.maxAge))
    var maxAge: String?

    @Option(name: .of(.maxRequests), help: .of(.maxRequests))
    var maxRequests: String?

    var given: [RawSetting] {
        maitred.given([
            (.maxMemory, maxMemory),
            (.memoryLimit, memoryLimit),
            (.maxCPU, maxCPU),
            (.recycle, recycle),
            (.maxAge, maxAge),
            (.maxRequests, maxRequests),
        ])
    }
}

/// How long things may take.
struct TimeoutOptions: ParsableArguments {
    @Option(name: .of(.stallTimeout), help: .of(.stallTimeout))
    var stallTimeout: String?

    @Option(name: .of(.hangTimeout), help: .of(.hangTimeout))
    var hangTimeout: String?

    @Option(name: .of(.startTimeout), help: .of(.startTimeout))
    var startTimeout: String?

    @Option(name: .of(.minUptime), help: .of(.minUptime))
    var minUptime: String?

    @Option(name: .of(.restartDelay), help: .of(.restartDelay))
    var restartDelay: String?

    @Option(name: .of(.drainTimeout), help: .of(.drainTimeout))
    var drainTimeout: String?

    @Option(name: .of(.killTimeout), help: .of(.killTimeout))
    var killTimeout: String?

    @Option(name: .of(.spread), help: .of(.spread))
    var spread: String?

    var given: [RawSetting] {
        maitred.given([
            (.stallTimeout, stallTimeout),
            (.hangTimeout, hangTimeout),
            (.startTimeout, startTimeout),
            (.minUptime, minUptime),
            (.restartDelay, restartDelay),
            (.drainTimeout, drainTimeout),
            (.killTimeout, killTimeout),
            (.spread, spread),
        ])
    }
}

/// How the other commands reach the master.
struct ControlOptions: ParsableArguments {
    @Option(name: .of(.control), help: .of(.control), completion: .file())
    var control: String?

    @Option(name: .of(.controlGroup), help: .of(.controlGroup))
    var controlGroup: String?

    @Option(name: .of(.name), help: .of(.name))
    var name: String?

    var given: [RawSetting] {
        maitred.given([
            (.control, control),
            (.controlGroup, controlGroup),
            (.name, name),
        ])
    }
}

/// What is logged.
struct LoggingOptions: ParsableArguments {
    @Option(name: .of(.logLevel), help: .of(.logLevel), completion: .of(.logLevel))
    var logLevel: String?

    @Option(name: .of(.statusInterval), help: .of(.statusInterval))
    var statusInterval: String?

    @Flag(name: .of(.noPrefix), help: .of(.noPrefix))
    var noPrefix = false

    var given: [RawSetting] {
        maitred.given([
            (.logLevel, logLevel),
            (.statusInterval, statusInterval),
            (.noPrefix, noPrefix ? "yes" : nil),
        ])
    }
}
