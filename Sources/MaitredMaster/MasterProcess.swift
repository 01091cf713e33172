// SPDX-License-Identifier: Apache-2.0

internal import Logging
package import MaitredConfig
internal import MaitredSystem

/// A process that is a master from here to its end.
package enum MasterProcess {
    /// Serves until told to stop.
    ///
    /// - Parameters:
    ///   - configuration: What the operator asked for.
    ///   - reread: Gives it as it is at a reload.
    /// - Throws: `StartupError` when it cannot start; nothing is left behind.
    /// - Returns: The exit status.
    package static func run(
        _ configuration: Configuration,
        reread: @escaping ConfigurationReader
    ) throws(StartupError) -> CInt {
        do {
            try openStandardDescriptors()
        } catch {
            throw StartupError(error)
        }
        let environment = ProcessEnvironment.variables()
        let log = makeLogger(label: "maitred", level: Logger.Level(configuration.logLevel), environment: environment)
        return try Master(configuration, environment: environment, log: log, reread: reread).run()
    }
}
