// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A sequence of random numbers that follows from a seed and the name of what it is for (Marsaglia's xorshift, with
/// the last multiplication by Vigna).
///
/// Arrivals, costs and clients each have a stream of their own, so that all strategies meet the same requests. It is of
/// another kind than the generator of `UniformRandom`, whose choices must not go with costs.
struct RandomStream: RandomNumberGenerator {
    /// What the numbers of a stream are for.
    enum Purpose: UInt64 {
        case arrivals = 1
        case costs
        case clients
    }

    private var state: UInt64

    /// The beginning of a stream.
    init(seed: UInt64, for purpose: Purpose) {
        // Neighbouring seeds must not begin near each other: multiplied by odd numbers, then mixed by a few steps.
        let mixed = (seed ^ 0x5851_f42d_4c95_7f2d) &* 0x9fb2_1c65_1e98_df25 ^ purpose.rawValue &* 0xd6e8_feb8_6659_fd93
        state = mixed == 0 ? 1 : mixed
        for _ in 0..<16 { _ = next() }
    }

    /// The next 64 bits.
    mutating func next() -> UInt64 {
        state ^= state &>> 12
        state ^= state &<< 25
        state ^= state &>> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }

    /// A fraction above 0 and at most 1.
    mutating func fraction() -> Double {
        Double(next() &>> 11 &+ 1) * 0x1p-53
    }

    /// An exponentially distributed number.
    mutating func exponential(mean: Double) -> Double {
        -mean * log(fraction())
    }
}
