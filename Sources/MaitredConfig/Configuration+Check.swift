// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// Finds a value that no source would have been allowed to give.
    ///
    /// For programs that fill in a configuration themselves: what `resolve` returns is right already.
    ///
    /// - Throws: `ConfigurationError` for the first mistake, with the setting's name and what would be right.
    public func check() throws(ConfigurationError) {
        var copy = self
        for setting in Setting.all {
            do throws(InvalidValue) {
                try setting.take(&copy, setting.texts(self), workers)
            } catch {
                throw ConfigurationError(origin: nil, problem: "\(setting.name): \(error.problem)")
            }
        }
        try checkCommand()
        try checkDistribution()
        for variable in workerEnvironment {
            let texts = variable.name + variable.value
            guard !variable.name.isEmpty, !variable.name.contains("="), !texts.utf8.contains(0) else {
                let problem = "\(quoted(variable.name)) is no variable: give a name without '=', and no NUL anywhere"
                throw ConfigurationError(origin: nil, problem: "environment: \(problem)")
            }
        }
    }

    /// Whether what was asked for can be had where the master does not accept.
    func checkDistribution() throws(ConfigurationError) {
        guard !strategy.isChosen else { return }
        let name = "strategy \(strategy.rawValue)"
        if maxConnections != nil {
            let problem = "\(name) cannot keep to max-connections, because workers accept by themselves: leave one out"
            throw ConfigurationError(origin: nil, problem: problem)
        }
        guard strategy == .reuseport, let address = listen.lazy.map(\.address).first(where: \.isUnix) else { return }
        let problem = "\(name) needs TCP addresses, and \(address) is none: give strategy kernel, or another address"
        throw ConfigurationError(origin: nil, problem: problem)
    }

    /// Whether there is a command that can be executed at all.
    func checkCommand() throws(ConfigurationError) {
        guard let program = command.first else {
            let example = "'maitred serve --listen :8080 -- ./server'"
            throw ConfigurationError(origin: nil, problem: "no command: give it after '--', as in \(example)")
        }
        guard !program.isEmpty else {
            throw ConfigurationError(origin: nil, problem: "the command is empty: give a program after '--'")
        }
        if let word = command.first(where: { $0.utf8.contains(0) }) {
            throw ConfigurationError(origin: nil, problem: "the command's \(quoted(word)) contains a NUL: remove it")
        }
    }
}
