// SPDX-License-Identifier: Apache-2.0

/// What maitred promises: where requests differ or workers stall, the p99 of `least-connections` is at most half of what
/// the kernel's choice and taking turns give.
///
/// The report says whether that held, whatever the answer is.
enum HalfClaim {
    /// The regimes that it is promised for.
    static let regimes = ["heterogeneous", "stall"]

    /// The strategy that it is promised of.
    static let strategy = "least-connections"

    /// Whether it held, a statement for those against whom it did and one for each against whom it did not.
    static func sentences(_ regime: RegimeResult) -> [String] {
        guard let ours = regime.result(of: strategy), ours.isMeasured else {
            return ["Whether \(strategy) halves the p99 was not measured."]
        }
        var halved: [String] = []
        var others: [String] = []
        for name in ["kernel", "round-robin"] {
            guard let other = regime.result(of: name), other.isMeasured else {
                others.append("Whether \(strategy) halves \(name)'s p99 was not measured.")
                continue
            }
            if ours.p99 * 2 <= other.p99 {
                halved.append("of \(name)'s (\(figures(ours, other)))")
            } else {
                others.append(failure(ours, other))
            }
        }
        let success = "The p99 of \(strategy), \(Figure.milliseconds(ours.p99)), is at most half "
        let loss = Sentence.trouble(ours).map { ["With \(strategy) \($0)."] } ?? []
        return (halved.isEmpty ? [] : [success + Sentence.list(halved) + "."]) + others + loss
    }

    /// "404 ms, 14 times as long; 3 requests failed".
    private static func figures(_ ours: StrategyResult, _ other: StrategyResult) -> String {
        "\(Figure.milliseconds(other.p99)), \(Figure.ratio(other.p99 / ours.p99)) times as long"
            + (Sentence.trouble(other).map { "; \($0)" } ?? "")
    }

    /// Why another strategy can come close, or be better: it holds whatever the figures are.
    private static func reason(for name: String) -> String {
        name == "kernel"
            ? "A worker that stands still accepts nothing, so what waits at a shared listener is one queue for all "
                + "workers, the best that there is for workers that serve one request at a time."
            : "With every strategy maitred bounds what waits for one worker, and gives it to others when that stands still."
    }

    /// That it did not hold, how even the connections were, and what the other has that makes up for not looking.
    private static func failure(_ ours: StrategyResult, _ other: StrategyResult) -> String {
        let ratios = [ours, other].map { Figure.fixed($0.maxOverMean, places: 2) }
        let chance = ours.isEqual(to: other) ? ", no difference that the rounds show" : ""
        return "The p99 of \(strategy), \(Figure.milliseconds(ours.p99)), is not at most half of \(other.strategy)'s "
            + "(\(figures(ours, other))\(chance)). The fullest worker had \(ratios[0]) times the mean of connections "
            + "with \(strategy), \(ratios[1]) times with \(other.strategy). \(reason(for: other.strategy))"
    }
}
