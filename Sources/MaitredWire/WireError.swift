// SPDX-License-Identifier: Apache-2.0

/// Why something that came over the wire was refused.
package enum WireError: Error, Equatable, CustomStringConvertible {
    /// A packet or page of another size than the wire has.
    case length(of: String, found: Int, wanted: Int)
    /// It does not begin with the wire's magic number: a stranger's descriptor.
    case magic(of: String)
    /// A version this side does not know.
    case version(of: String, found: Int)
    /// A connection's packet without its descriptor.
    case descriptorMissing
    /// A message that would exceed a limit of the receiving side.
    case tooLarge(what: String, limit: Int)
    /// An environment variable that is missing, malformed, or names a descriptor that is not ours.
    case environment(variable: String, problem: String)

    /// One line: what is wrong, and what would be right.
    package var description: String {
        switch self {
        case .length(let thing, let found, let wanted): "\(thing) has \(found) bytes, not \(wanted)"
        case .magic(let thing): "\(thing) does not begin with maitred's magic number"
        case .version(let thing, let found): "\(thing) has version \(found), this side knows \(wireVersion)"
        case .descriptorMissing: "a connection's packet came without its descriptor"
        case .tooLarge(let what, let limit): "\(what) exceeds the limit of \(limit)"
        case .environment(let variable, let problem): "\(variable): \(problem)"
        }
    }
}
