// SPDX-License-Identifier: Apache-2.0

import MaitredBench
import Testing

struct RecommendationTests {
    private func judged(rounds: Int = 3, _ strategies: [StrategyResult]) -> Recommendation {
        Recommendation(.made(strategies), rounds: rounds)
    }

    private func judged(_ name: String, _ strategies: [StrategyResult]) -> Recommendation {
        Recommendation(.made(name, strategies), rounds: 3)
    }

    @Test func `the smallest p99 is recommended, with how many times longer the baselines are`() {
        let found = judged([
            .made("round-robin", p99: 42), .made("least-connections", p99: 12), .made("kernel", p99: 40),
        ])
        #expect(found.strategy == "least-connections")
        #expect(found.equals == ["least-connections"])
        #expect(found.headline == "least-connections: its p99 is 12.0 ms (11.4 to 12.6 over the rounds), the best.")
        #expect(
            found.details == [
                "kernel's p99, 40.0 ms (38.0 to 42.0 over the rounds), is 3.3 times as long.",
                "round-robin's p99, 42.0 ms (39.9 to 44.1 over the rounds), is 3.5 times as long.",
            ]
        )
    }

    @Test func `of strategies whose rounds overlap the simplest is recommended`() {
        let found = judged([
            .made("random", p99: 10), .made("power-of-two", p99: 10.2), .made("kernel", p99: 10.4),
            .made("round-robin", p99: 30),
        ])
        #expect(found.strategy == "power-of-two")
        #expect(found.equals == ["power-of-two", "random", "kernel"])
        #expect(found.headline.hasPrefix("power-of-two: no difference from random and kernel that the rounds show"))
        #expect(
            found.details.first
                == "kernel's p99, 10.4 ms (9.88 to 10.9 over the rounds): no difference that the rounds show."
        )
    }

    @Test func `rounds that touch are equal, rounds that do not are not`() {
        let best = StrategyResult.made("random", p99: 10, rounds: [9, 11])
        #expect(judged([best, .made("round-robin", p99: 12, rounds: [11, 13])]).strategy == "round-robin")
        #expect(judged([best, .made("round-robin", p99: 12, rounds: [11.1, 13])]).strategy == "random")
    }

    @Test func `who left requests unanswered is not recommended, and that is said`() {
        let found = judged([
            .made("random", p99: 1, failed: 1), .made("kernel", p99: 2, stuck: 3), .made("least-memory", p99: 10),
            .made("round-robin", p99: 12),
        ])
        #expect(found.strategy == "least-memory")
        #expect(found.headline.hasSuffix("the best of 2 that answered every request."))
        #expect(
            found.details == [
                "kernel's p99, 2.00 ms (1.90 to 2.10 over the rounds), is 0.20 times as long; "
                    + "3 requests had no answer in time.",
                "round-robin's p99, 12.0 ms (11.4 to 12.6 over the rounds), is 1.20 times as long.",
                "random has a p99 of 1.00 ms, but 1 request failed.",
            ]
        )
    }

    @Test func `without anybody who answered everything nothing is recommended`() {
        let found = judged([.made("random", failed: 4, stuck: 2), .made("round-robin", failed: 5)])
        #expect(found.strategy == nil)
        #expect(found.equals.isEmpty)
        #expect(
            found.headline
                == "No recommendation: no strategy answered every request. The fewest were lost with round-robin: "
                + "5 requests failed."
        )
        #expect(judged([]).headline == "No recommendation: nothing was answered.")
    }

    @Test func `who answered nothing has no p99`() {
        let found = judged([.made("round-robin", p99: 0, perSecond: 0), .made("random", p99: 5)])
        #expect(found.strategy == "random")
        #expect(found.headline.hasSuffix("the only one that answered every request."))
        #expect(found.details == ["kernel was not measured.", "With round-robin nothing was answered."])
    }

    @Test func `answers a second that the choice costs are told`() {
        let found = judged([.made("random", p99: 5, perSecond: 900), .made("source-hash", p99: 9, perSecond: 1000)])
        #expect(found.details.contains("It answered 900 a second, 10 % less than source-hash (1000)."))
    }

    @Test func `one round does not hide that it is one`() {
        let strategies: [StrategyResult] = [.made("random", p99: 5, rounds: [5]), .made("kernel", p99: 9, rounds: [9])]
        let remark = "One round does not show how much of this is chance."
        #expect(judged(rounds: 1, strategies).details.contains(remark))
        #expect(!judged(rounds: 2, strategies).details.contains(remark))
        #expect(judged(rounds: 1, strategies).headline == "random: its p99 is 5.00 ms, the best.")
    }

    // MARK: - Half of the p99

    @Test(arguments: ["heterogeneous", "stall"])
    func `where it was promised, half of both baselines is told in one sentence`(_ name: String) {
        let found = judged(
            name,
            [.made("round-robin", p99: 20), .made("least-connections", p99: 10), .made("kernel", p99: 45)]
        )
        #expect(
            found.details == [
                "The p99 of least-connections, 10.0 ms, is at most half of kernel's (45.0 ms, 4.5 times as long) and of "
                    + "round-robin's (20.0 ms, 2.0 times as long)."
            ]
        )
    }

    @Test func `where half was missed, that is said with the numbers`() {
        let found = judged(
            "stall",
            [.made("round-robin", p99: 19.9), .made("least-connections", p99: 10), .made("kernel", p99: 45, failed: 2)]
        )
        #expect(
            found.details == [
                "The p99 of least-connections, 10.0 ms, is at most half of kernel's "
                    + "(45.0 ms, 4.5 times as long; 2 requests failed).",
                "The p99 of least-connections, 10.0 ms, is not at most half of round-robin's "
                    + "(19.9 ms, 1.99 times as long). The fullest worker had 1.25 times the mean of connections with "
                    + "least-connections, 1.25 times with round-robin. With every strategy maitred bounds what waits for one "
                    + "worker, and gives it to others when that stands still.",
            ]
        )
    }

    @Test func `half is not claimed of what was not measured, nor of other regimes`() {
        #expect(
            judged("stall", [.made("kernel")]).details.last
                == "Whether least-connections halves the p99 was not measured."
        )
        #expect(
            judged("stall", [.made("least-connections")]).details == [
                "Whether least-connections halves kernel's p99 was not measured.",
                "Whether least-connections halves round-robin's p99 was not measured.",
            ]
        )
        #expect(
            !judged("burst", [.made("kernel", p99: 30), .made("least-connections")]).details.contains {
                $0.contains("half")
            }
        )
    }

    @Test func `no report makes it trap`() {
        for regime in StrategyReport.wild.regimes {
            #expect(!Recommendation(regime, rounds: -1).headline.isEmpty)
        }
        let found = judged([.made("random", failed: .max, stuck: .max), .made("kernel", failed: .max)])
        #expect(found.headline.contains("lost with kernel"))
    }
}

struct OverallRecommendationTests {
    private func judged(_ regimes: [RegimeResult]) -> OverallRecommendation {
        OverallRecommendation(.made(regimes))
    }

    @Test func `the strategy whose worst regime is least bad is recommended`() {
        let found = judged([
            .made("a", [.made("round-robin", p99: 10), .made("power-of-two", p99: 13), .made("random", p99: 20)]),
            .made("b", [.made("round-robin", p99: 40), .made("power-of-two", p99: 10), .made("random", p99: 11)]),
        ])
        #expect(found.strategy == "power-of-two")
        #expect(
            found.sentence == "For all regimes together: power-of-two, the best or its equal in 1 of 2 regimes; "
                + "1.30 times the p99 of round-robin in a."
        )
    }

    @Test func `who lost requests anywhere, or was not run everywhere, is out`() {
        let found = judged([
            .made("a", [.made("round-robin", p99: 1), .made("random", p99: 2), .made("kernel", p99: 9)]),
            .made("b", [.made("round-robin", p99: 1, failed: 1), .made("kernel", p99: 9)]),
        ])
        #expect(found.strategy == "kernel")
    }

    @Test func `equals everywhere: the simplest`() {
        let regime = RegimeResult.made("a", [.made("kernel", p99: 10), .made("least-connections", p99: 10.1)])
        #expect(
            judged([regime]).sentence
                == "For all regimes together: least-connections, the best or its equal in the one regime."
        )
        #expect(judged([regime, regime]).sentence.hasSuffix("in both regimes."))
    }

    @Test func `without anybody who answered everything nothing is recommended`() {
        #expect(judged([]).sentence == "Nothing was measured.")
        let found = judged([.made("a", [.made("random", failed: 1)])])
        #expect(found.strategy == nil)
        #expect(found.sentence.hasPrefix("No strategy answered every request"))
        #expect(!OverallRecommendation(.wild).sentence.isEmpty)
    }
}
