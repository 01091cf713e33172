// SPDX-License-Identifier: Apache-2.0

extension StrategyResult {
    /// Whether there were answers, so that its latencies mean something.
    package var isMeasured: Bool { perSecond > 0 && p99 > 0 && p99.isFinite }

    /// Whether every request had its answer in time.
    package var isClean: Bool { failed == 0 && stuck == 0 }

    /// Requests without a good answer: a sum that no report can make overflow.
    var lost: Double { Double(failed) + Double(stuck) }

    /// From the smallest to the largest p99 of the rounds; the median alone when the rounds are not known.
    package var p99Rounds: ClosedRange<Double> {
        let rounds = (p99Range + [p99]).filter(\.isFinite)
        guard let least = rounds.min(), let most = rounds.max() else { return 0...0 }
        return least...most
    }

    /// Whether the rounds show no difference between two p99: a round of the one is within the rounds of the other.
    package func isEqual(to other: Self) -> Bool { p99Rounds.overlaps(other.p99Rounds) }
}

extension RegimeResult {
    /// The result of a strategy, if it was run.
    package func result(of strategy: String) -> StrategyResult? { strategies.first { $0.strategy == strategy } }
}
