// SPDX-License-Identifier: Apache-2.0

/// Where the master listens for `maitred status`, `maitred reload` and the other commands.
public enum ControlLocation: Hashable, Sendable, CustomStringConvertible {
    /// Where the environment of the process suggests, under the service's name; the default.
    case automatic
    /// A Unix socket at an absolute path of at most 107 bytes.
    case path(String)
    /// Nowhere: signals are the only control.
    case off

    /// Reads `auto`, `none` or a path.
    ///
    /// - Throws: `InvalidValue` for a path that is not absolute or too long for a socket.
    public init(_ text: String) throws(InvalidValue) {
        switch text {
        case "auto": self = .automatic
        case "none": self = .off
        default: self = .path(try socketPath(text, in: text, example: "/run/web.control, or 'auto' or 'none'"))
        }
    }

    /// The text that reads back as this value.
    public var description: String {
        switch self {
        case .automatic: "auto"
        case .path(let path): path
        case .off: "none"
        }
    }
}
