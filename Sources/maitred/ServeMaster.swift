// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig
import MaitredMaster

/// Runs the master until it is told to stop, and ends with its exit status.
///
/// - Parameters:
///   - configuration: What was asked for.
///   - reread: Gives it as it is at a reload.
/// - Throws: The exit status, or why it could not start.
func serve(
    _ configuration: Configuration,
    reread: @escaping () throws(ConfigurationError) -> Configuration
) throws {
    throw ExitCode(try MasterProcess.run(configuration, reread: reread))
}
