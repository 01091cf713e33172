// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredBench

struct StrategyTextTests {
    @Test func `a regime is a heading, an aligned table and the recommendation`() {
        let text = StrategyText.text(
            .made("burst", [.made("round-robin", p99: 42), .made("least-connections", p99: 7)]),
            rounds: 3
        )
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[0] == "burst: Title of burst")
        #expect(lines[4].hasPrefix("strategy            /s   p50   p90   p99 p99.9   max "))
        #expect(lines[5].hasPrefix("round-robin       1000 4.200 14.00 42.00  84.0 126.0 "))
        #expect(lines[6].hasPrefix("least-connections 1000 0.700  2.33  7.00  14.0  21.0 "))
        #expect(lines.contains("=> least-connections: its p99 is 7.00 ms (6.65 to 7.35 over the rounds), the best."))
        #expect(text.hasSuffix("\n"))
    }

    @Test func `all lines of a table are as wide as its last heading`() {
        let lines = StrategyText.table(Recommendation.simplicity.map { .made($0, p99: 12.3) })
        #expect(Set(lines.dropFirst().map(\.count)).count == 1)
        #expect(lines[0].hasSuffix("CPU, us"))
    }

    @Test func `a table is never wider than a hundred columns`() {
        #expect(StrategyText.table([]).allSatisfy { $0.count <= 100 })
        var large = StrategyResult.made("a-strategy-with-a-very-long-name", p99: 123_456.7)
        large.failed = .max
        large.stuck = 9_999_999
        large.perSecond = 1e9
        large.maxOverMean = 12_345.678
        large.deviation = 1e300
        large.masterCPU = 123_456
        large.workerCPU = 9_999_999
        var small = large
        small.p50 = 0.001
        small.p90 = 0.002
        small.p99 = 0.003
        #expect(StrategyText.table([large, small]).allSatisfy { $0.count <= 100 })
        for regime in StrategyReport.wild.regimes {
            #expect(StrategyText.table(regime.strategies).allSatisfy { $0.count <= 100 })
        }
    }

    @Test func `sentences are wrapped, and what follows is set in`() {
        let text = StrategyText.text(
            .made("stall", Recommendation.simplicity.map { .made($0, p99: $0 == "least-connections" ? 5 : 9) }),
            rounds: 3
        )
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 100 })
        let wrapped = lines.indices.filter { lines[$0].hasPrefix("   ") && !lines[$0].contains("latency, ms") }
        #expect(!wrapped.isEmpty)
        #expect(wrapped.allSatisfy { lines[$0 - 1].count + 10 > 80 })
    }

    @Test func `the whole text has conditions, regimes and the overall advice`() {
        let text = StrategyText.text(.made([.made("a", [.made("random")]), .made("b", [.made("random")])]))
        #expect(text.hasPrefix("2026-11-26, maitred 1.2.3, Linux 6.18, 2 processors (A Processor), 4 workers; medians"))
        #expect(text.contains("\na: Title of a\n"))
        #expect(text.contains("\nb: Title of b\n"))
        #expect(text.hasSuffix("=> For all regimes together: random, the best or its equal in both regimes.\n"))
        #expect(!StrategyText.text(.wild).isEmpty)
    }

    @Test func `words are wrapped between them, and long ones are left whole`() {
        #expect(Sentence.wrapped("one two  three\nfour", width: 9) == ["one two", "three", "four"])
        #expect(Sentence.wrapped("a bbbbbbbbbbbb c", width: 5) == ["a", "bbbbbbbbbbbb", "c"])
        #expect(Sentence.wrapped("", width: 5) == [])
        #expect(Sentence.wrapped("after 12.5 ms, or 7 s.", width: 11) == ["after", "12.5 ms, or", "7 s."])
    }

    @Test func `lists read as sentences do`() {
        #expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(Sentence.list) == ["", "a", "a and b", "a, b and c"])
    }
}
