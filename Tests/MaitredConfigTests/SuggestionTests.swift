// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct SuggestionTests {
    private let words = ["round-robin", "least-connections", "least-memory", "random"]

    @Test(arguments: [
        ("leest-connections", "least-connections"), ("least-conections", "least-connections"),
        ("least", "least-connections"), ("round", "round-robin"),
        ("roundrobin", "round-robin"), ("RANDOM", "random"), ("radnom", "random"), ("least_memory", "least-memory"),
    ])
    func `a slip finds its word`(_ word: String, _ expected: String) {
        #expect(nearest(to: word, among: words) == expected)
    }

    @Test func `something else finds nothing`() {
        #expect(nearest(to: "foo", among: words) == nil)
        #expect(nearest(to: "rou", among: words) == nil)
        #expect(nearest(to: "", among: words) == nil)
        #expect(nearest(to: String(repeating: "random", count: 100_000), among: words) == nil)
        #expect(nearest(to: "random", among: []) == nil)
    }

    @Test func `the nearest of several wins`() {
        #expect(nearest(to: "MAITRED_MIN_UPTIM", among: Setting.all.map(\.variable)) == "MAITRED_MIN_UPTIME")
        #expect(nearest(to: "MAITRED_WORKER", among: Setting.all.map(\.variable)) == "MAITRED_WORKERS")
    }
}
