// SPDX-License-Identifier: Apache-2.0

/// Where the settings of a process come from, kept for reading them again at a reload.
///
/// Flags, command and environment cannot change while the process lives; the file can.
package struct ConfigurationSources: Sendable {
    private let flags: [RawSetting]
    private let command: [String]
    private let environment: [EnvironmentVariable]

    /// Keeps what the process was started with.
    ///
    /// - Parameters:
    ///   - flags: The flags in the order in which they were given.
    ///   - command: The words after `--`.
    ///   - environment: The variables of this process.
    package init(flags: [RawSetting], command: [String], environment: [EnvironmentVariable]) {
        self.flags = flags
        self.command = command
        self.environment = environment
    }

    /// Puts the sources together, with the file as it is now.
    ///
    /// - Parameters:
    ///   - processors: Processors that this process may use.
    ///   - read: Gives the text of a file, or says why it cannot: "No such file or directory".
    /// - Returns: The checked configuration.
    /// - Throws: `ConfigurationError` for the first mistake, or for a file that cannot be read.
    package func resolve(
        processors: Int,
        read: (String) throws(InvalidValue) -> String
    )
        throws(ConfigurationError) -> Configuration
    {
        var file: (name: String, text: String)?
        if let (path, origin) = Configuration.file(flags: flags, environment: environment) {
            do throws(InvalidValue) {
                file = (path, try read(path))
            } catch {
                throw ConfigurationError(origin: origin, problem: "cannot read \(visible(path)): \(error.problem)")
            }
        }
        return try .resolve(
            flags: flags,
            command: command,
            environment: environment,
            file: file,
            processors: processors
        )
    }
}
