// SPDX-License-Identifier: Apache-2.0

/// A wrong setting, told in one line: where it stands, what it is, and what would be right.
///
/// The description carries no program name and no line break; the command line puts `maitred: ` before it.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where the wrong text was found; `nil` if something is missing everywhere.
    public let origin: SettingOrigin?
    /// What is wrong and what would be right: a sentence without a full stop.
    public let problem: String

    /// An error at a place, or nowhere in particular.
    public init(origin: SettingOrigin?, problem: String) {
        self.origin = origin
        self.problem = problem
    }

    /// The place, if there is one, and the problem.
    public var description: String {
        guard let origin else { return problem }
        return "\(origin): \(problem)"
    }
}

/// The place a text came from, as an operator would look for it.
public enum SettingOrigin: Equatable, Sendable, CustomStringConvertible {
    /// A flag of the command line, with its dashes: `--queue-depth`.
    case flag(String)
    /// A variable of maitred's own environment: `MAITRED_QUEUE_DEPTH`.
    case variable(String)
    /// A line of a configuration file, counted from 1, and the key that it sets once that is known.
    case file(name: String, line: Int, key: String?)

    /// As errors begin: `--workers`, `MAITRED_WORKERS`, `/etc/web.conf:3: MAITRED_WORKERS`.
    public var description: String {
        switch self {
        case .flag(let flag): return flag
        case .variable(let variable): return variable
        case .file(let name, let line, let key):
            let place = "\(visible(name)):\(line)"
            return key.map { "\(place): \($0)" } ?? place
        }
    }
}

/// Why a text is no value of a setting; the caller adds where the text was found.
public struct InvalidValue: Error, Equatable, Sendable {
    /// What is wrong and what would be right: a sentence without a full stop, on one line.
    public let problem: String

    /// A problem as a sentence without a full stop.
    public init(_ problem: String) {
        self.problem = problem
    }
}

/// Characters of a wrong value that an error repeats: enough to recognise it, too few to bury the advice.
package let visibleLimit = 80

/// Makes any text safe to print on one line: control and direction characters are escaped, a long text is cut.
package func visible(_ text: String, limit: Int = visibleLimit) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < limit else { return result + "…" }
        count += 1
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A wrong value as an error shows it: visible, between single quotes.
package func quoted(_ text: String) -> String {
    "'\(visible(text))'"
}
