// SPDX-License-Identifier: Apache-2.0

/// One strategy for who does not know what is coming: the one whose worst regime is the least bad.
///
/// How bad a regime is for a strategy is its p99 divided by the best's, or one where they are equals. A strategy that
/// left requests unanswered anywhere is out.
package struct OverallRecommendation: Sendable, Equatable {
    /// What is recommended, if anything can be.
    package let strategy: String?
    /// The advice.
    package let sentence: String

    /// Judges all regimes together.
    package init(_ report: StrategyReport) {
        let regimes = report.regimes.filter { !$0.strategies.isEmpty }
        let names = regimes.first?.strategies.map(\.strategy) ?? []
        let candidates = names.compactMap { Candidate($0, in: regimes, rounds: report.conditions.rounds) }
        guard let chosen = candidates.min(by: Candidate.isBetter) else {
            strategy = nil
            sentence =
                regimes.isEmpty
                ? "Nothing was measured."
                : "No strategy answered every request of all regimes, so none is recommended for all of them."
            return
        }
        strategy = chosen.strategy
        sentence = chosen.sentence
    }

    /// A strategy that answered everything everywhere.
    private struct Candidate {
        let strategy: String
        /// Each regime with its p99 divided by the best's, and who that was; one where it is the best's equal.
        let regimes: [(name: String, ratio: Double, best: String)]

        init?(_ strategy: String, in regimes: [RegimeResult], rounds: Int) {
            self.strategy = strategy
            var found: [(name: String, ratio: Double, best: String)] = []
            for regime in regimes {
                guard let result = regime.result(of: strategy), result.isMeasured, result.isClean,
                    let best = regime.strategies.filter({ $0.isMeasured && $0.isClean }).min(by: { $0.p99 < $1.p99 })
                else { return nil }
                let ratio = result.isEqual(to: best) ? 1 : result.p99 / best.p99
                found.append((regime.name, ratio, best.strategy))
            }
            self.regimes = found
        }

        var worst: Double { regimes.map(\.ratio).max() ?? 1 }
        var wins: Int { regimes.count { $0.ratio == 1 } }

        static func isBetter(_ one: Self, _ other: Self) -> Bool {
            if one.worst != other.worst { return one.worst < other.worst }
            if one.wins != other.wins { return one.wins > other.wins }
            return Recommendation.isSimpler(one.strategy, other.strategy)
        }

        var sentence: String {
            let all =
                regimes.count > 2
                ? "all \(regimes.count) regimes" : regimes.count == 2 ? "both regimes" : "the one regime"
            let count = wins == regimes.count ? all : "\(wins) of \(regimes.count) regimes"
            let start = "For all regimes together: \(strategy), the best or its equal in \(count)"
            let behind = regimes.filter { $0.ratio > 1 }.map {
                "\(Figure.ratio($0.ratio)) times the p99 of \($0.best) in \($0.name)"
            }
            return behind.isEmpty ? "\(start)." : "\(start); \(Sentence.list(behind))."
        }
    }
}
