// SPDX-License-Identifier: Apache-2.0

/// Which strategy suits a regime, and what the figures say about that.
///
/// The best is the strategy with the smallest p99 among those that answered every request in time. The rounds show how
/// much of a p99 is chance: a strategy with a round in the range of the best's rounds is its equal, and among equals the
/// simplest is recommended.
package struct Recommendation: Sendable, Equatable {
    /// From the simplest to who needs most to know or does least: which of equals is recommended.
    package static let simplicity = [
        "round-robin", "least-connections", "power-of-two", "least-memory", "source-hash", "random", "kernel",
        "reuseport",
    ]

    /// What is recommended, if anything can be.
    package let strategy: String?
    /// The best and all its equals, the simplest first; empty when nobody answered everything.
    package let equals: [String]
    /// The advice in one or two sentences.
    package let headline: String
    /// What else the figures say, a statement each.
    package let details: [String]

    /// Judges a regime.
    ///
    /// - Parameters:
    ///   - regime: What was measured.
    ///   - rounds: Rounds that each figure is the median of.
    package init(_ regime: RegimeResult, rounds: Int) {
        let clean = regime.strategies.filter { $0.isMeasured && $0.isClean }
        guard let best = clean.min(by: { $0.p99 < $1.p99 }) else {
            strategy = nil
            equals = []
            headline = Self.withheld(regime)
            details = Self.claims(regime)
            return
        }
        let group = clean.filter(best.isEqual).sorted { Self.isSimpler($0.strategy, $1.strategy) }
        let chosen = group.first ?? best
        strategy = chosen.strategy
        equals = group.map(\.strategy)
        headline = Self.advice(chosen, among: group, isOneOf: clean.count, outOf: regime.strategies.count)
        let claims = Self.claims(regime)
        // The claim compares least-connections with the same two.
        let isCompared = chosen.strategy == HalfClaim.strategy && !claims.isEmpty
        details =
            (isCompared ? [] : Self.baselines.compactMap { Self.comparison(chosen, with: $0, in: regime) })
            + Self.flawed(regime, fasterThan: chosen)
            + Self.price(chosen, among: clean)
            + (rounds < 2 && clean.count > 1 ? ["One round does not show how much of this is chance."] : [])
            + claims
    }

    /// Whether one comes before the other among equals; names that are not known come last.
    static func isSimpler(_ one: String, _ other: String) -> Bool {
        let places = [one, other].map { simplicity.firstIndex(of: $0) ?? simplicity.count }
        return places[0] == places[1] ? one < other : places[0] < places[1]
    }

    /// What every strategy is compared with: to leave it to the kernel, and to take turns.
    private static let baselines = ["kernel", "round-robin"]

    private static func advice(
        _ chosen: StrategyResult,
        among group: [StrategyResult],
        isOneOf clean: Int,
        outOf all: Int
    ) -> String {
        let p99 = "p99 is \(Figure.milliseconds(chosen.p99))\(range(chosen))"
        let others = group.map(\.strategy).filter { $0 != chosen.strategy }
        if !others.isEmpty {
            return
                "\(chosen.strategy): no difference from \(Sentence.list(others)) that the rounds show, and the simplest. "
                + "Its \(p99)."
        }
        let among =
            clean == all
            ? "the best"
            : clean > 1
                ? "the best of \(clean) that answered every request" : "the only one that answered every request"
        return "\(chosen.strategy): its \(p99), \(among)."
    }

    /// " (12.1 to 12.9 over the rounds)".
    private static func range(_ result: StrategyResult) -> String {
        let rounds = result.p99Rounds
        guard rounds.lowerBound < rounds.upperBound else { return "" }
        let bounds = [rounds.lowerBound, rounds.upperBound].map(Figure.significant)
        return " (\(bounds[0]) to \(bounds[1]) over the rounds)"
    }

    private static func withheld(_ regime: RegimeResult) -> String {
        let measured = regime.strategies.filter(\.isMeasured)
        guard let least = measured.min(by: { $0.lost < $1.lost }),
            let trouble = Sentence.trouble(least)
        else { return "No recommendation: nothing was answered." }
        return "No recommendation: no strategy answered every request. The fewest were lost with "
            + "\(least.strategy): \(trouble)."
    }

    private static func comparison(
        _ chosen: StrategyResult,
        with baseline: String,
        in regime: RegimeResult
    ) -> String? {
        guard chosen.strategy != baseline else { return nil }
        guard let other = regime.result(of: baseline) else { return "\(baseline) was not measured." }
        let trouble = Sentence.trouble(other)
        guard other.isMeasured else { return "With \(baseline) nothing was answered." }
        let p99 = "\(baseline)'s p99, \(Figure.milliseconds(other.p99))\(range(other))"
        let loss = trouble.map { "; \($0)" } ?? ""
        if chosen.isEqual(to: other) { return "\(p99): no difference that the rounds show\(loss)." }
        return "\(p99), is \(Figure.ratio(other.p99 / chosen.p99)) times as long\(loss)."
    }

    /// Strategies that would have been better, had they answered everything.
    private static func flawed(_ regime: RegimeResult, fasterThan chosen: StrategyResult) -> [String] {
        regime.strategies.filter {
            $0.isMeasured && $0.p99 < chosen.p99 && !chosen.isEqual(to: $0) && !baselines.contains($0.strategy)
        }.compactMap { result in
            Sentence.trouble(result).map {
                "\(result.strategy) has a p99 of \(Figure.milliseconds(result.p99)), but \($0)."
            }
        }
    }

    /// Answers a second that the choice costs, from 5 % on: less is within what rounds differ by anyway.
    private static func price(_ chosen: StrategyResult, among clean: [StrategyResult]) -> [String] {
        guard let most = clean.max(by: { $0.perSecond < $1.perSecond }), chosen.perSecond <= 0.95 * most.perSecond
        else { return [] }
        let less = Figure.fixed(100 * (1 - chosen.perSecond / most.perSecond), places: 0)
        return [
            "It answered \(Figure.significant(chosen.perSecond)) a second, \(less) % less than \(most.strategy) "
                + "(\(Figure.significant(most.perSecond)))."
        ]
    }

    private static func claims(_ regime: RegimeResult) -> [String] {
        HalfClaim.regimes.contains(regime.name) ? HalfClaim.sentences(regime) : []
    }
}
