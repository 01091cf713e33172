// SPDX-License-Identifier: Apache-2.0

/// Sends a client to the same worker each time.
///
/// Rendezvous hashing: client and *slot* together give a number, and the highest one wins. A worker that leaves takes
/// nobody else's clients along, only its own move; its successor has the same slot and gets them back. Of two workers
/// of one slot the newer wins. There is no seed, so that the assignment outlives the master. Connections without an
/// address are taken in turn.
///
/// The number decides alone between equal weights. Otherwise `weight / −log₂(number)` does, with the number read as a
/// fraction of 2^64, which gives each worker its share exactly (weighted rendezvous hashing).
public struct SourceHash: BalancingStrategy {
    /// Chooses for connections without an address.
    private var rotation = RoundRobin()

    /// A strategy for any set of workers.
    public init() {}

    /// The name on the command line.
    public var name: String { StrategyName.sourceHash.rawValue }

    /// False: who is eligible is all it asks.
    public var comparesLoads: Bool { false }

    /// The eligible worker that the client belongs to.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        guard let client = connection.client else { return rotation.pick(from: table, for: connection) }
        guard var best = table.nextEligible(from: 0) else { return nil }
        let key = Self.key(of: client)
        var bestNumber = Self.number(of: table.workers[best].slot, key: key)
        for index in best &+ 1..<table.workers.count where table.workers[index].isEligible {
            let number = Self.number(of: table.workers[index].slot, key: key)
            if Self.wins(table.workers[index], number, over: table.workers[best], bestNumber) {
                best = index
                bestNumber = number
            }
        }
        return best
    }

    /// Keeps the turn of the worker that was next among connections without an address.
    public mutating func workerLeft(at index: Int) {
        rotation.workerLeft(at: index)
    }

    /// All bits of an address, mixed into 64.
    private static func key(of client: ClientAddress) -> UInt64 {
        SplitMix64.mixed(SplitMix64.mixed(client.high &+ SplitMix64.increment) ^ client.low)
    }

    /// The number of a client at a slot: evenly distributed and independent from slot to slot.
    private static func number(of slot: Int, key: UInt64) -> UInt64 {
        SplitMix64.mixed(key &+ UInt64(truncatingIfNeeded: slot) &* SplitMix64.increment)
    }

    /// Whether a worker has a better claim to the client than the best one so far.
    private static func wins(
        _ worker: WorkerLoad,
        _ number: UInt64,
        over best: WorkerLoad,
        _ bestNumber: UInt64
    ) -> Bool {
        if worker.slot == best.slot { return worker.id > best.id }
        if worker.weight == best.weight { return number > bestNumber }
        // weight / distance > best.weight / bestDistance, without the division.
        return Double(worker.weight) * distance(bestNumber) > Double(best.weight) * distance(number)
    }

    /// How far a number lies below 2^64, as a logarithm to base 2, between 0 and 64 but never 0.
    ///
    /// The number is written as m × 2^e with m between √½ and √2. Then log₂ m is a series in s = (m − 1) / (m + 1),
    /// whose first terms are exact to nine digits there.
    private static func distance(_ number: UInt64) -> Double {
        // The last bits are dropped: rounding up to 2^64 would make the distance 0.
        let value = Double((number | 1 << 11) &>> 11)
        var exponent = Double(value.exponent)
        var significand = value.significand
        if significand > 1.414_213_562_373_095 {
            significand /= 2
            exponent += 1
        }
        let s = (significand - 1) / (significand + 1)
        let q = s * s
        let series = s * (1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q / 11)))))
        // 2 / ln 2
        return 53 - exponent - series * 2.885_390_081_777_927
    }
}
