// SPDX-License-Identifier: Apache-2.0

/// Takes the eligible workers in turn.
///
/// While the set of eligible workers does not change, no two of them differ by more than one connection over any
/// stretch. It ignores weights.
public struct RoundRobin: BalancingStrategy {
    /// Where the next search begins; one past the end is the beginning, unless somebody joins before.
    private var next = 0

    /// A rotation that begins at the first worker.
    public init() {}

    /// The name on the command line.
    public var name: String { StrategyName.roundRobin.rawValue }

    /// The next eligible worker after the last one.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        guard let index = table.nextEligible(from: next) else { return nil }
        next = index &+ 1
        return index
    }

    /// Keeps the turn of the worker that was next.
    public mutating func workerLeft(at index: Int) {
        if index < next { next &-= 1 }
    }
}
