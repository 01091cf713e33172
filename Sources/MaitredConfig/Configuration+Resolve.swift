// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// Puts the sources together: flags, then the environment, then the file, then the defaults.
    ///
    /// What a source gives must be right even if a stronger source overrides it: a mistake that shows only once a flag
    /// is left out is found at the worst time. An empty variable counts as not given. In the environment only the
    /// variables of settings are looked at, because it may belong to a worker of another maitred; in the file every
    /// key that starts with `MAITRED_` must be a setting, and the others are variables for the workers.
    ///
    /// - Parameters:
    ///   - flags: the flags in the order in which they were given.
    ///   - command: the words after `--`, which are taken as they are.
    ///   - environment: the variables of this process.
    ///   - file: the configuration file's name, for errors, and its text.
    ///   - processors: processors that this process may use.
    /// - Returns: the checked configuration; its command is not empty.
    /// - Throws: `ConfigurationError` for the first mistake: in the file, then setting by setting in the environment and
    ///   the flags, then in the command, then between settings.
    package static func resolve(
        flags: [RawSetting],
        command: [String],
        environment: [EnvironmentVariable],
        file: (name: String, text: String)?,
        processors: Int
    ) throws(ConfigurationError) -> Configuration {
        var configuration = Configuration(processors: processors)
        if let file {
            try configuration.apply(EnvironmentFile(file.text, name: file.name), name: file.name, processors)
        }
        for setting in Setting.all {
            if let value = value(of: setting, in: environment) {
                try configuration.take(setting, setting.texts(in: value), .variable(setting.variable), processors)
            }
            let texts = flags.filter { $0.setting.name == setting.name }.map(\.text)
            if !texts.isEmpty {
                try configuration.take(setting, texts, .flag(setting.flag), processors)
            }
        }
        if !command.isEmpty { configuration.command = command }
        try configuration.checkCommand()
        try configuration.checkDistribution()
        return configuration
    }

    /// The configuration file to read before resolving, and what named it; `nil` if nothing did.
    package static func file(
        flags: [RawSetting],
        environment: [EnvironmentVariable]
    )
        -> (path: String, origin: SettingOrigin)?
    {
        if let flag = flags.last(where: { $0.setting.name == Setting.config.name }) {
            return (flag.text, .flag(Setting.config.flag))
        }
        return value(of: .config, in: environment).map { ($0, .variable(Setting.config.variable)) }
    }

    /// The first variable of the name counts, as for `getenv(3)`.
    private static func value(of setting: Setting, in environment: [EnvironmentVariable]) -> String? {
        let value = environment.first { $0.name == setting.variable }?.value
        return value == "" ? nil : value
    }

    private mutating func take(
        _ setting: Setting,
        _ texts: [String],
        _ origin: SettingOrigin,
        _ processors: Int
    )
        throws(ConfigurationError)
    {
        do {
            try setting.take(&self, texts, processors)
        } catch {
            throw ConfigurationError(origin: origin, problem: error.problem)
        }
    }
}

// MARK: - The file

/// Variables that the master sets for its workers: nobody else can give them a value.
private let workerVariables: Set<String> = [
    "MAITRED_HANDOFF_FDS", "MAITRED_LISTENER_FDS", "MAITRED_CONTROL_FD", "MAITRED_LOAD_FD", "MAITRED_WORKER_SOCKET",
    "MAITRED_WORKER_ID", "MAITRED_WORKER_SLOT", "MAITRED_LISTENERS",
]

extension Configuration {
    private mutating func apply(_ file: EnvironmentFile, name: String, _ processors: Int) throws(ConfigurationError) {
        var lastIndex: [String: Int] = [:]
        for (index, entry) in file.entries.enumerated() {
            lastIndex[entry.key] = index
        }
        for (index, entry) in file.entries.enumerated() {
            guard let setting = try setting(for: entry, in: name) else {
                if lastIndex[entry.key] == index {
                    workerEnvironment.append(.init(name: entry.key, value: entry.value))
                }
                continue
            }
            guard lastIndex[entry.key] == index, !entry.value.isEmpty else { continue }
            let origin = SettingOrigin.file(name: name, line: entry.line, key: entry.key)
            try take(setting, setting.texts(in: entry.value), origin, processors)
        }
    }

    /// The variable that was probably meant; the prefix that all have in common says nothing about that.
    private func suggestedVariable(for key: String, among settings: [Setting]) -> String? {
        let endings = settings.map { String($0.variable.dropFirst(Setting.prefix.count)) }
        return nearest(to: String(key.dropFirst(Setting.prefix.count)), among: endings).map { Setting.prefix + $0 }
    }

    /// The setting that a line gives; `nil` for a variable of the workers.
    private func setting(for entry: EnvironmentFile.Entry, in file: String) throws(ConfigurationError) -> Setting? {
        // Upper case only for the question whether it is ours: `maitred_workers` is a slip, not a worker's variable.
        guard entry.key.uppercased().hasPrefix(Setting.prefix) else { return nil }
        let settings = Setting.all.filter { $0.name != Setting.config.name }
        if let setting = settings.first(where: { $0.variable == entry.key }) { return setting }
        let problem: String
        if workerVariables.contains(entry.key) {
            problem = "is set by maitred for each worker: leave it out"
        } else if entry.key == Setting.config.variable {
            problem = "cannot stand in the file that it names: leave it out"
        } else if let suggestion = suggestedVariable(for: entry.key, among: settings) {
            problem = "is not a setting: did you mean \(suggestion)?"
        } else {
            problem = "is not a setting: 'maitred serve --help' lists them"
        }
        let origin = SettingOrigin.file(name: file, line: entry.line, key: nil)
        throw ConfigurationError(origin: origin, problem: "\(visible(entry.key)) \(problem)")
    }
}

extension Setting {
    /// The values that a variable holds: for a list its words, for anything else its whole text.
    fileprivate func texts(in value: String) -> [String] {
        guard isList else { return [value] }
        return value.utf8.split(whereSeparator: isBlank).map { String(decoding: $0, as: UTF8.self) }
    }
}
