// SPDX-License-Identifier: Apache-2.0

/// Decides who gets a connection.
///
/// A strategy is a function of what it is given and of its own small state (a running index, a seed). It asks no
/// clock, makes no calls and draws no randomness that it was not started with, so that every decision can be repeated
/// in a test. It runs once per connection: it must not allocate, and should keep its state in a small struct.
///
/// This one sends the connections of each listener to a worker of its own where it can:
///
/// ```swift
/// struct ByListener: BalancingStrategy {
///     func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
///         table.nextEligible(from: connection.listener)
///     }
/// }
/// ```
public protocol BalancingStrategy: Sendable {
    /// What `status` calls the strategy; the type's name unless it says otherwise.
    var name: String { get }

    /// Whether it compares what workers have; true unless the strategy says otherwise.
    ///
    /// One that goes by who is eligible alone saves the master a look at every worker's load page before each wakeup's
    /// first pick: it sees counts that may be high, and whoever they call eligible is.
    var comparesLoads: Bool { get }

    /// Chooses a worker for one connection.
    ///
    /// The choice need not be what happens: the worker may refuse, and the strategy is asked again. So it counts turns,
    /// not connections; those are in the table.
    ///
    /// - Parameters:
    ///   - table: the workers.
    ///   - connection: what is known about the connection.
    /// - Returns: index of an *eligible* worker in `table.workers`, or nil when none is.
    mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int?

    /// Says that the worker at an index has left and those behind it have moved up by one.
    ///
    /// A strategy that remembers an index adjusts it here, or one worker loses a turn.
    mutating func workerLeft(at index: Int)
}

extension BalancingStrategy {
    /// The type's name.
    public var name: String { String(describing: Self.self) }

    /// True: counts are brought up to date before it is asked.
    public var comparesLoads: Bool { true }

    /// Does nothing, which is right for a strategy that remembers no index.
    public mutating func workerLeft(at index: Int) {}
}
