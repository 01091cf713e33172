// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredBench

struct FigureTests {
    @Test func `digits behind the point are as many as asked for`() {
        #expect(Figure.fixed(12.345, places: 2) == "12.35" || Figure.fixed(12.345, places: 2) == "12.34")
        #expect(Figure.fixed(0.05, places: 1) == "0.1")
        #expect(Figure.fixed(0.04, places: 1) == "0.0")
        #expect(Figure.fixed(-0.04, places: 1) == "0.0")
        #expect(Figure.fixed(-1.5, places: 1) == "-1.5")
        #expect(Figure.fixed(99.96, places: 1) == "100.0")
        #expect(Figure.fixed(7, places: 0) == "7")
        #expect(Figure.fixed(.nan, places: 2) == "-")
        #expect(Figure.fixed(1e300, places: 6) == "1000000000000.000000")
    }

    @Test func `three digits count, or all before the point`() {
        #expect(
            [0, 0.0234, 0.9996, 1, 9.994, 9.996, 12.34, 99.96, 1234.5].map(Figure.significant) == [
                "0.000", "0.023", "1.00", "1.00", "9.99", "10.0", "12.3", "100", "1235",
            ]
        )
    }

    @Test func `zeros that say nothing are left out`() {
        #expect([0, 0.5, 10, 1200, 0.000_1].map(Figure.plain) == ["0", "0.5", "10", "1200", "0.0001"])
    }

    @Test func `ratios are rounded down`() {
        #expect([0.999, 1.999, 2, 3.2, 9.99, 14.9].map(Figure.ratio) == ["0.99", "1.99", "2.0", "3.2", "9.9", "14"])
        #expect(Figure.ratio(.infinity) == "-")
    }

    @Test func `a column has one number of digits behind the point, what its smallest needs`() {
        #expect(Figure.column([0.213, 1.5, 12], limit: 6) == ["0.213", "1.500", "12.000"])
        #expect(Figure.column([0.213, 1.5, 120], limit: 6) == ["0.21", "1.50", "120.00"])
        #expect(Figure.column([0, nil, 3.5], limit: 6) == ["0.00", "-", "3.50"])
        #expect(Figure.column([3, 41], limit: 6, places: 0) == ["3", "41"])
        #expect(Figure.column([-1, .nan, .infinity], limit: 6) == ["-", "-", "-"])
    }

    @Test func `no cell is wider than the limit`() {
        for limit in 4...9 {
            var value = 1e-12
            while value < 1e300 {
                for text in Figure.column([0.123, value, value * 9.9996], limit: limit) {
                    #expect(text.count <= limit, "\(value) as \(text)")
                }
                value *= 7
            }
        }
        #expect(Figure.column([1_234_567], limit: 6) == ["1235k"])
    }

    @Test func `logarithms are right to twelve digits`() throws {
        for exponent in -300...300 {
            let logarithm = try #require(Decades.logarithm(Decades.power(exponent)))
            #expect(abs(logarithm - Double(exponent)) < 1e-12 * Double(max(1, exponent.magnitude)))
        }
        let two = try #require(Decades.logarithm(2))
        #expect(abs(two - 0.301_029_995_663_981_2) < 1e-14)
        // The logarithm of a product is the sum.
        let (seven, three) = (try #require(Decades.logarithm(7)), try #require(Decades.logarithm(3)))
        let product = try #require(Decades.logarithm(21))
        #expect(abs(seven + three - product) < 1e-13)
        for value in [0, -1, Double.nan, .infinity] { #expect(Decades.logarithm(value) == nil) }
    }
}

struct FigureColumnTests {
    @Test func `the best of a column is marked, together with who has the same text`() {
        let strategies: [StrategyResult] = [
            .made("random", p99: 10, perSecond: 100), .made("kernel", p99: 10.001, perSecond: 300),
            .made("round-robin", p99: 30, failed: 2, perSecond: 200),
        ]
        #expect(FigureColumn.p99.best(strategies) == [0, 1])
        #expect(FigureColumn.perSecond.best(strategies) == [1])
        #expect(FigureColumn.failed.best(strategies) == [0, 1])
    }

    @Test func `where all are the same nobody is marked`() {
        #expect(FigureColumn.stuck.best([.made("random"), .made("kernel")]) == [])
        #expect(FigureColumn.p99.best([]) == [])
    }

    @Test func `who answered nothing has no latency, and is not the best`() {
        let strategies: [StrategyResult] = [
            .made("random", p99: 0, perSecond: 0), .made("kernel"), .made("reuseport", p99: 90),
        ]
        #expect(FigureColumn.p99.cells(strategies)[0] == "-")
        #expect(FigureColumn.p99.best(strategies) == [1])
    }
}
