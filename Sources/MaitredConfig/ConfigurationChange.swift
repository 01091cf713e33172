// SPDX-License-Identifier: Apache-2.0

/// One difference between the configuration in force and one that was read again, and what it takes to apply it.
///
/// The description is a line for the log and for the answer to `maitred reload`:
/// `queue-depth: 16 to 32, applied by replacing the workers`.
public struct ConfigurationChange: Hashable, Sendable, CustomStringConvertible {
    /// What it takes to apply a change.
    public enum Effect: String, CaseIterable, Sendable, CustomStringConvertible {
        /// The master acts differently from now on, towards workers that run already too.
        case atOnce
        /// It is true for workers that start from now on; the others have to be replaced.
        case newWorkers
        /// The master keeps what it started with until it is restarted.
        case restart

        /// As it stands behind a change: "applied at once".
        public var description: String {
            switch self {
            case .atOnce: "applied at once"
            case .newWorkers: "applied by replacing the workers"
            case .restart: "needs a restart of maitred"
            }
        }
    }

    /// The setting's name as in its flag, without dashes; `environment` for the variables of the workers.
    public let setting: String
    /// What it takes to apply it.
    public let effect: Effect
    /// The value in force and the new one, `16 to 32`, on one line; for `environment` the names of the variables.
    public let detail: String

    /// The change as a line.
    public var description: String { "\(setting): \(detail), \(effect)" }

    /// What the variables of the workers are called among the changes.
    static let environment = "environment"

    /// Every difference, in the order of the settings and then `environment`.
    ///
    /// - Parameters:
    ///   - old: The configuration in force.
    ///   - new: The one that was read.
    /// - Returns: The changes; none if both do the same.
    public static func changes(from old: Configuration, to new: Configuration) -> [Self] {
        var changes: [Self] = []
        for setting in Setting.all {
            let (before, after) = (setting.texts(old), setting.texts(new))
            guard before != after else { continue }
            let detail = "\(words(before)) to \(words(after))"
            changes.append(Self(setting: setting.name, effect: effect(of: setting, from: old, to: new), detail: detail))
        }
        let names = changedVariables(from: old, to: new)
        if !names.isEmpty {
            // Their values can be secrets.
            let detail = visible(names.joined(separator: " "))
            changes.append(Self(setting: environment, effect: .newWorkers, detail: detail))
        }
        return changes
    }

    /// What it takes to apply a change of one setting.
    private static func effect(of setting: Setting, from old: Configuration, to new: Configuration) -> Effect {
        let needsOtherMaster = setting.name == Setting.strategy.name && !old.strategy.canBecome(new.strategy)
        return needsOtherMaster ? .restart : setting.effect
    }

    private static func words(_ texts: [String]) -> String {
        texts.isEmpty ? "none" : visible(texts.joined(separator: " "))
    }

    private static func changedVariables(from old: Configuration, to new: Configuration) -> [String] {
        let before = values(old.workerEnvironment)
        let after = values(new.workerEnvironment)
        return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    }

    /// The value of each variable: the later one of a name counts.
    private static func values(_ variables: [EnvironmentVariable]) -> [String: String] {
        Dictionary(variables.map { ($0.name, $0.value) }) { _, later in later }
    }
}

extension Configuration {
    /// The configuration in force after a reload: the one that was read, except for what a reload cannot change.
    ///
    /// What needs a restart stays as it is, so that the next reload says again that it differs.
    ///
    /// - Parameter new: The configuration that was read.
    /// - Returns: `new` with the values of `self` in every setting whose effect is `restart`.
    public func reloaded(with new: Configuration) -> Configuration {
        var result = new
        result.listen = listen
        if !strategy.canBecome(new.strategy) { result.strategy = strategy }
        result.control = control
        result.controlGroup = controlGroup
        result.name = serviceName
        result.logLevel = logLevel
        result.isOutputPrefixed = isOutputPrefixed
        return result
    }
}
