// SPDX-License-Identifier: Apache-2.0

/// A key of a terminal that means something here.
package enum Key: Equatable, Sendable {
    case up, down, pageUp, pageDown, home, end
    case character(Character)
}

/// Keys out of the bytes that a terminal in raw mode sends, however those were cut.
///
/// Sequences are those of xterm(1) and the Linux console; others are skipped whole, so that no part of one is taken for
/// a letter.
package struct KeyDecoder: Sendable {
    private enum State {
        case ground
        /// After ESC.
        case escape
        /// After ESC `[` or ESC `O`, with the parameters so far.
        case sequence(parameters: [UInt8])
    }

    private var state = State.ground

    /// Begins between keys.
    package init() {}

    /// The keys that end in these bytes.
    package mutating func keys(in bytes: some Sequence<UInt8>) -> [Key] {
        bytes.compactMap { next($0) }
    }

    private static let escape: UInt8 = 0x1B

    /// Parameters of a sequence that are kept; none of ours has as many.
    private static let longestParameters = 16

    private mutating func next(_ byte: UInt8) -> Key? {
        switch (state, byte) {
        case (_, Self.escape):
            state = .escape
            return nil
        case (.escape, UInt8(ascii: "[")), (.escape, UInt8(ascii: "O")):
            state = .sequence(parameters: [])
            return nil
        case (.sequence(let parameters), 0x20...0x3F):
            state = .sequence(parameters: Array((parameters + [byte]).prefix(Self.longestParameters)))
            return nil
        case (.sequence(let parameters), _):
            state = .ground
            return Self.key(final: byte, parameters)
        case (.escape, _):
            // Alt and a key.
            state = .ground
            return nil
        case (.ground, 0x20...0x7E):
            return .character(Character(Unicode.Scalar(byte)))
        case (.ground, _):
            return nil
        }
    }

    private static func key(final: UInt8, _ parameters: [UInt8]) -> Key? {
        switch (final, String(decoding: parameters, as: UTF8.self)) {
        case (UInt8(ascii: "A"), _): .up
        case (UInt8(ascii: "B"), _): .down
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): .home
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): .end
        case (UInt8(ascii: "~"), "5"): .pageUp
        case (UInt8(ascii: "~"), "6"): .pageDown
        default: nil
        }
    }
}
