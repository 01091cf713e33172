// SPDX-License-Identifier: Apache-2.0

/// Compares two workers and takes the less loaded one.
///
/// It is the well-known choice of two without its dice: one index runs up the rotation, the other down. Alone, that
/// would always compare the same pairs, because the sum of the two indexes never changes (of four workers 0 with 3,
/// and 1 with 2). So the second one takes an extra step each time the first begins a new round: over as many rounds as
/// there are workers, everyone meets everyone. Equal workers are taken in turn, as the upward index meets them.
public struct PowerOfTwo: BalancingStrategy {
    /// Where the upward search begins.
    private var up = 0

    /// Where the downward search begins; −1 is the end.
    private var down = -1

    /// A strategy whose indexes begin at both ends.
    public init() {}

    /// The name on the command line.
    public var name: String { StrategyName.powerOfTwo.rawValue }

    /// The less loaded of two workers, which differ whenever two are eligible.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        guard let first = table.nextEligible(from: up) else { return nil }
        if first < up {
            down = (table.previousEligible(from: down) ?? 0) &- 1
        }
        up = first &+ 1
        var second = table.previousEligible(from: down) ?? first
        down = second &- 1
        if second == first {
            // The indexes meet: take the neighbour, but do not move on, or some pairs would never be compared.
            second = table.previousEligible(from: first &- 1) ?? first
        }
        return table.workers[second].isLessLoaded(than: table.workers[first]) ? second : first
    }

    /// Keeps the turns of the two workers that were next.
    public mutating func workerLeft(at index: Int) {
        if index < up { up &-= 1 }
        if index <= down { down &-= 1 }
    }
}
