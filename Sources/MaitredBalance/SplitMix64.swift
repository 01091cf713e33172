// SPDX-License-Identifier: Apache-2.0

/// The SplitMix64 generator of Steele, Lea and Flood (2014): one addition and one mixing step per number.
///
/// Good enough to choose and to hash with, and small enough to live in a strategy. Not for secrets.
struct SplitMix64: Sendable {
    /// 2^64 divided by the golden ratio, odd: its multiples visit all 64-bit numbers.
    static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// Advances by `increment` per number.
    private var state: UInt64

    /// A sequence that follows from a seed.
    init(seed: UInt64) {
        state = seed
    }

    /// The next number, all 64 bits of it.
    mutating func next() -> UInt64 {
        state &+= Self.increment
        return Self.mixed(state)
    }

    /// A number in which every bit depends on every bit of the given one; no two collide.
    static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value &>> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value &>> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value &>> 31)
    }
}
