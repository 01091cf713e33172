// SPDX-License-Identifier: Apache-2.0

/// Which ports of a program that knows nothing of maitred mean a listener, besides the listeners' own.
///
/// For programs whose port cannot be chosen, or that let the system choose one (port 0).
public enum AppPort: Equatable, Sendable, CustomStringConvertible {
    /// This one means the first listener: 1 to 65,535.
    case port(UInt16)
    /// The first that the program binds means the first listener, the next the second.
    case any

    static let expectation = "a port from 1 to 65535, 'any' or 'none'"

    init(_ text: String) throws(InvalidValue) {
        if text == "any" {
            self = .any
        } else if isDecimal(text), let port = UInt16(text), port > 0 {
            self = .port(port)
        } else {
            throw InvalidValue("\(quoted(text)) is not a port: give \(Self.expectation)")
        }
    }

    /// As it is given.
    public var description: String {
        switch self {
        case .port(let port): "\(port)"
        case .any: "any"
        }
    }
}
