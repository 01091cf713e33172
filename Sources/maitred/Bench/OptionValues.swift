// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig

/// Values of options, with the flag in the error when they are none.
extension ParsableArguments {
    /// A whole number in a range.
    func number(_ text: String, _ flag: String, in range: ClosedRange<Int>) throws -> Int {
        do throws(InvalidValue) {
            return try wholeNumber(text, in: range)
        } catch {
            throw ConfigurationError(origin: .flag(flag), problem: error.problem)
        }
    }

    /// A duration of at most a day.
    func time(_ text: String, _ flag: String, from least: Duration) throws -> Duration {
        do throws(InvalidValue) {
            return try duration(text, in: least ... .seconds(24 * 3600))
        } catch {
            throw ConfigurationError(origin: .flag(flag), problem: error.problem)
        }
    }
}
