// SPDX-License-Identifier: Apache-2.0

/// Takes any eligible worker, each with the same probability.
///
/// A baseline to measure the others against. Two of the same seed make the same choices over the same tables.
public struct UniformRandom: BalancingStrategy {
    /// The sequence of numbers.
    private var generator: SplitMix64

    /// A strategy whose choices follow from a seed.
    public init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    /// The name on the command line.
    public var name: String { StrategyName.random.rawValue }

    /// False: who is eligible is all it asks.
    public var comparesLoads: Bool { false }

    /// Some eligible worker.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        guard table.eligibleCount > 0 else { return nil }
        // Scaled by multiplication: uniform to one part in 2^64 / count, and faster than a division.
        var toSkip = Int(generator.next().multipliedFullWidth(by: UInt64(table.eligibleCount)).high)
        if table.eligibleCount == table.workers.count { return toSkip }
        for index in 0..<table.workers.count where table.workers[index].isEligible {
            if toSkip == 0 { return index }
            toSkip &-= 1
        }
        return nil
    }
}
