// SPDX-License-Identifier: Apache-2.0

/// Numbers that follow from a seed: the SplitMix64 generator of Steele, Lea and Flood (2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A sequence of its own for each purpose and each thread.
    ///
    /// - Parameters:
    ///   - seed: The run's.
    ///   - stream: Which of the sequences that follow from it.
    init(seed: UInt64, stream: UInt64) {
        var seeds = SplitMix64(state: seed)
        state = seeds.next() ^ SplitMix64.mixed(stream)
    }

    private init(state: UInt64) {
        self.state = state
    }

    /// The next number, all 64 bits of it.
    mutating func next() -> UInt64 {
        // 2^64 divided by the golden ratio, odd: its multiples visit all 64-bit numbers.
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value &>> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value &>> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value &>> 31)
    }
}
