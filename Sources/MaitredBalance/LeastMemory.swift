// SPDX-License-Identifier: Apache-2.0

/// Takes the worker with the least predicted memory.
///
/// The prediction (see `MemoryModel`) grows with each connection given, so that those between two samples spread.
/// A worker without a sample is taken to weigh what the lightest eligible one did, plus its connections: new, it is
/// light, but not so light that everything has to go there. With no samples at all the fewest connections win.
/// One that uses more than it should is passed over, unless all do. Equal workers are taken in turn. It ignores weights: a byte is a byte.
public struct LeastMemory: BalancingStrategy {
    /// Where the next search begins.
    private var next = 0

    /// A strategy whose first search begins at the first worker.
    public init() {}

    /// The name on the command line.
    public var name: String { StrategyName.leastMemory.rawValue }

    /// The eligible worker with the least predicted memory.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        guard let first = table.nextEligible(from: next) else { return nil }
        let best = search(table, from: first, passingOver: true) ?? search(table, from: first, passingOver: false)
        next = (best ?? first) &+ 1
        return best
    }

    /// The best of all eligible workers, or of those that use no more memory than they should.
    private func search(_ table: borrowing LoadTable, from first: Int, passingOver: Bool) -> Int? {
        var sampled = Candidate()
        var unsampled = Candidate()
        var leastSample = Int.max
        var index = first
        repeat {
            if table.workers[index].isEligible, !(passingOver && table.workers[index].isOverMemory) {
                let predicted = table.workers[index].predictedMemory
                if let sample = table.workers[index].memory.lastSample {
                    leastSample = min(leastSample, sample)
                    sampled.challenge(index, bytes: predicted)
                } else {
                    unsampled.challenge(index, bytes: predicted)
                }
            }
            index = index &+ 1 == table.workers.count ? 0 : index &+ 1
        } while index != first
        return Self.better(sampled, unsampled, leastSample: leastSample)
    }

    /// Keeps the turn of the worker that was next.
    public mutating func workerLeft(at index: Int) {
        if index < next { next &-= 1 }
    }

    /// The better of the best worker with a sample and the best one without.
    private static func better(_ sampled: Candidate, _ unsampled: Candidate, leastSample: Int) -> Int? {
        guard let withSample = sampled.index else { return unsampled.index }
        guard let without = unsampled.index else { return withSample }
        // No overflow: a sample is at most 2^50, the connections' share at most 2^61.
        return leastSample &+ unsampled.bytes <= sampled.bytes ? without : withSample
    }

    /// The best worker of one kind that the search has met.
    private struct Candidate {
        /// The worker, nil before the first.
        var index: Int?

        /// Its predicted memory.
        var bytes = Int.max

        /// Takes a worker in if it is better.
        mutating func challenge(_ index: Int, bytes: Int) {
            guard bytes < self.bytes else { return }
            self.index = index
            self.bytes = bytes
        }
    }
}
