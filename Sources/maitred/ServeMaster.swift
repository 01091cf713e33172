// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig
import MaitredMaster

/// Runs the master until it is told to stop, and ends with its exit status.
func serve(_ configuration: Configuration) throws {
    throw ExitCode(try MasterProcess.run(configuration))
}
