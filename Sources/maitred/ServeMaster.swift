// SPDX-License-Identifier: Apache-2.0

import MaitredConfig

/// Runs the master until it is told to stop.
func serve(_ configuration: Configuration) throws {
    print(configuration)
}
