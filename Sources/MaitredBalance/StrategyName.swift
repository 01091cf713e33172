// SPDX-License-Identifier: Apache-2.0

/// The built-in strategies, by the names that the command line gives them.
public enum StrategyName: String, CaseIterable, Sendable {
    /// `RoundRobin`, the default.
    case roundRobin = "round-robin"

    /// `LeastConnections`.
    case leastConnections = "least-connections"

    /// `LeastMemory`.
    case leastMemory = "least-memory"

    /// `PowerOfTwo`.
    case powerOfTwo = "power-of-two"

    /// `SourceHash`.
    case sourceHash = "source-hash"

    /// `UniformRandom`.
    case random

    /// Makes a new strategy of this name.
    ///
    /// - Parameter seed: where `random` begins; the others need no randomness.
    /// - Returns: the strategy, with its indexes at their beginning.
    public func makeStrategy(seed: UInt64) -> any BalancingStrategy {
        switch self {
        case .roundRobin: RoundRobin()
        case .leastConnections: LeastConnections()
        case .leastMemory: LeastMemory()
        case .powerOfTwo: PowerOfTwo()
        case .sourceHash: SourceHash()
        case .random: UniformRandom(seed: seed)
        }
    }

    /// What the strategy picks, in a line for `--help`.
    public var summary: String {
        switch self {
        case .roundRobin: "each worker in turn"
        case .leastConnections: "the worker with the fewest open connections"
        case .leastMemory: "the worker expected to use the least memory"
        case .powerOfTwo: "the less loaded of two workers, compared in changing pairs"
        case .sourceHash: "the same worker for the same client address"
        case .random: "any worker, each equally likely"
        }
    }
}
