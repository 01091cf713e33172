// SPDX-License-Identifier: Apache-2.0

/// Takes the worker with the fewest open connections, measured against its weight.
///
/// Equal workers are taken in turn: the search begins behind the last choice, and only a worker that is really better
/// displaces the one found before.
public struct LeastConnections: BalancingStrategy {
    /// Where the next search begins.
    private var next = 0

    /// A strategy whose first search begins at the first worker.
    public init() {}

    /// The name on the command line.
    public var name: String { StrategyName.leastConnections.rawValue }

    /// The eligible worker with the least `open / weight`.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        guard let first = table.nextEligible(from: next) else { return nil }
        var best = first
        var index = first
        repeat {
            if table.workers[index].isEligible, table.workers[index].isLessLoaded(than: table.workers[best]) {
                best = index
            }
            index = index &+ 1 == table.workers.count ? 0 : index &+ 1
        } while index != first
        next = best &+ 1
        return best
    }

    /// Keeps the turn of the worker that was next.
    public mutating func workerLeft(at index: Int) {
        if index < next { next &-= 1 }
    }
}
