// SPDX-License-Identifier: Apache-2.0

import MaitredSystem

/// Why a test helper could not do what a test asked for. One line for whoever reads the test's report.
package struct TestFailure: Error, Equatable, CustomStringConvertible {
    /// The line.
    package let description: String

    /// Makes a failure.
    package init(_ description: String) {
        self.description = description
    }

    /// Makes a failure of a system call.
    package init(_ description: String, errno: Int32) {
        self.description = "\(description): \(SystemError.words(for: errno))"
    }
}
