// SPDX-License-Identifier: Apache-2.0

/// What a piece of text means to its reader; whether and how that is shown is the style's affair.
package enum Paint: Equatable, Sendable {
    case plain
    /// Names of things: less than the things.
    case quiet
    /// What the rest belongs to.
    case strong
    /// As it should be.
    case good
    /// On its way from one state to the next.
    case passing
    /// Not as it should be; it may pass.
    case warning
    /// Not as it should be.
    case bad
    /// The heading that rows are sorted by.
    case chosen

    /// The parameters of the terminal's SGR sequence (ECMA-48), nil for none.
    fileprivate var code: String? {
        switch self {
        case .plain: nil
        case .quiet: "2"
        case .strong: "1"
        case .good: "32"
        case .passing: "36"
        case .warning: "33"
        case .bad: "1;31"
        case .chosen: "7"
        }
    }
}

/// Whether text is painted.
package struct Style: Equatable, Sendable {
    /// False where escape sequences would be read as text.
    package let isPainted: Bool

    /// Text as it stands.
    package static let plain = Style(isPainted: false)

    /// Text for a terminal with colours.
    package static let painted = Style(isPainted: true)

    /// What suits an output: nothing but a terminal is painted, and that not if `NO_COLOR` is set or `TERM` says that it
    /// has no colours.
    package static func suiting(isTerminal: Bool, environment: [String: String]) -> Style {
        let kind = environment["TERM"] ?? ""
        let isRefused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return isTerminal && !kind.isEmpty && kind != "dumb" && !isRefused ? .painted : .plain
    }

    private init(isPainted: Bool) { self.isPainted = isPainted }

    func apply(_ paint: Paint, to text: String) -> String {
        guard isPainted, !text.isEmpty, let code = paint.code else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}
