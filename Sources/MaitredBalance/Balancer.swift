// SPDX-License-Identifier: Apache-2.0

/// A load table and the strategy that chooses from it, kept in step.
///
/// Counts and states are written straight into `table`. Workers join and leave through the balancer, so that the
/// strategy's running indexes stay where they should.
public struct Balancer: Sendable {
    /// The workers; `remove(at:)` belongs to the balancer.
    public var table: LoadTable

    /// Who decides; may be exchanged at any time.
    public var strategy: any BalancingStrategy {
        didSet { comparesLoads = strategy.comparesLoads }
    }

    /// Whether the strategy compares what workers have, so that the counts have to be current before it is asked.
    public private(set) var comparesLoads: Bool

    /// How often the strategy named nobody, or somebody who may not be given anything, while others were eligible.
    ///
    /// Always 0 with the built-in strategies.
    public private(set) var overruledPicks = 0

    /// Decides where the strategy did not.
    private var fallback = RoundRobin()

    /// A balancer over a table, which may already have workers.
    public init(table: LoadTable, strategy: any BalancingStrategy) {
        self.table = table
        self.strategy = strategy
        comparesLoads = strategy.comparesLoads
    }

    /// The strategy's name.
    public var name: String { strategy.name }

    /// Chooses a worker for one connection.
    ///
    /// What the strategy says is checked; when it cannot be used, the next worker in the rotation gets the connection
    /// and `overruledPicks` counts it. Nothing is counted in the table: that is `handed(at:)`, when the worker really
    /// has it.
    ///
    /// - Parameter connection: what is known about the connection.
    /// - Returns: index of an eligible worker, or nil only when none is.
    public mutating func pick(for connection: ConnectionFacts) -> Int? {
        guard table.eligibleCount > 0 else { return nil }
        if let index = strategy.pick(from: table, for: connection),
            table.workers.indices.contains(index), table.workers[index].isEligible
        {
            return index
        }
        overruledPicks &+= 1
        return fallback.pick(from: table, for: connection)
    }

    /// Adds a worker at the end of the rotation, with nothing open and not yet ready.
    ///
    /// - Parameters:
    ///   - id: the worker's number, never used before.
    ///   - slot: the worker's place in the pool.
    ///   - weight: its share of the work relative to the others, clamped to the range from 1 to 65,536.
    public mutating func join(id: Int, slot: Int, weight: Int = 1) {
        table.join(id: id, slot: slot, weight: weight)
    }

    /// Removes a worker and moves those behind it up by one.
    public mutating func remove(at index: Int) {
        table.remove(at: index)
        strategy.workerLeft(at: index)
        fallback.workerLeft(at: index)
    }
}
