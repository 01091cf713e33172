// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredBench

struct ScaleTests {
    @Test func `the ends of an axis are where they were put`() {
        let scale = Scale(from0To: [9], steps: 3, start: 100, end: 20)
        #expect(scale.position(0) == 100)
        #expect(scale.position(scale.upper) == 20)
        #expect(scale.position(scale.upper / 2) == 60)
        let logarithmic = Scale(logarithmic: [1, 100], start: 0, end: 200)
        #expect(logarithmic.position(1) == 0)
        #expect(logarithmic.position(100) == 200)
        #expect(abs((logarithmic.position(10) ?? 0) - 100) < 1e-9)
    }

    @Test func `linear ticks are round, begin with 0 and reach the largest value`() {
        #expect(Scale(from0To: [9], steps: 3, start: 0, end: 1).ticks == [0, 5, 10])
        #expect(Scale(from0To: [10], steps: 3, start: 0, end: 1).ticks == [0, 5, 10])
        #expect(Scale(from0To: [11], steps: 3, start: 0, end: 1).ticks == [0, 5, 10, 15])
        #expect(Scale(from0To: [1300], steps: 3, start: 0, end: 1).ticks == [0, 500, 1000, 1500])
        #expect(Scale(from0To: [2], steps: 3, start: 0, end: 1).ticks == [0, 1, 2])
    }

    @Test func `logarithmic ticks are 1, 2 and 5, over many decades 1 alone`() {
        #expect(Scale(logarithmic: [0.3, 8], start: 0, end: 1).ticks == [0.2, 0.5, 1, 2, 5, 10])
        #expect(Scale(logarithmic: [0.1, 1000], start: 0, end: 1).ticks == [0.1, 1, 10, 100, 1000])
        #expect(Scale(logarithmic: [1, 1000], start: 0, end: 1).ticks.count == 10)
    }

    @Test func `what is beyond an end is at the end, and zero at the start of a logarithmic axis`() {
        let scale = Scale(logarithmic: [0, 2, 40], start: 300, end: 10)
        #expect(scale.lower == 2)
        #expect(scale.upper == 50)
        #expect(scale.position(0) == 300)
        #expect(scale.position(-5) == 300)
        #expect(scale.position(1e9) == 10)
        #expect(scale.position(.infinity) == 10)
        #expect(scale.position(.nan) == nil)
    }

    @Test(arguments: [[], [5], [0], [.nan, .infinity, -3], [1e-300, 1e300], [7, 7, 7]] as [[Double]])
    func `whatever the values are, an axis has two ends, ticks between them and finite positions`(_ values: [Double]) {
        for scale in [
            Scale(from0To: values, steps: 3, start: 10, end: 90), Scale(logarithmic: values, start: 10, end: 90),
        ] {
            #expect(scale.lower < scale.upper)
            #expect(scale.ticks.count >= 2)
            for tick in scale.ticks { #expect(tick >= scale.lower * 0.999 && tick <= scale.upper * 1.001) }
            for value in values + scale.ticks where !value.isNaN {
                #expect((10...90).contains(scale.position(value) ?? 0))
            }
        }
    }

    @Test func `round numbers are the next ones`() {
        #expect([0.11, 0.2, 3, 50, 51, 700].map(Scale.roundUp) == [0.2, 0.2, 5, 50, 100, 1000])
        #expect([0.19, 0.2, 3, 50, 99, 700].map(Scale.roundDown) == [0.1, 0.2, 2, 50, 50, 500])
    }
}

struct PathDataTests {
    private func point(_ x: Double, _ y: Double) -> PathData.Point { PathData.Point(x: x, y: y) }

    @Test func `a line goes through its points, to a tenth of a pixel`() {
        #expect(PathData.line([point(0, 10), point(5.26, 2), point(7, 3.04)]) == "M0 10L5.3 2L7 3")
    }

    @Test func `no points are no line, and one is a dot`() {
        #expect(PathData.line([]) == "")
        #expect(PathData.line([point(3, 4)]) == "M3 4h0")
        #expect(PathData.line([point(3, 4), point(3.01, 4.01)]) == "M3 4h0")
    }

    @Test func `of a level stretch only the ends are kept`() {
        let points = [point(0, 5), point(1, 5), point(2, 5), point(3, 6), point(4, 6)]
        #expect(PathData.line(points) == "M0 5L2 5L3 6L4 6")
    }

    @Test func `what is not finite is left out`() {
        #expect(PathData.line([point(.nan, 1), point(1, 1), point(2, .infinity), point(3, 2)]) == "M1 1L3 2")
    }
}

struct LabelColumnTests {
    @Test func `labels with room stay where they belong`() {
        #expect(LabelColumn.places([10, 60, 35], distance: 20, within: 0...100) == [10, 60, 35])
    }

    @Test func `labels that would touch are moved apart around their middle, in their order`() {
        #expect(LabelColumn.places([50, 52, 51], distance: 10, within: 0...100) == [41, 61, 51])
        #expect(LabelColumn.places([99, 98], distance: 10, within: 0...100) == [100, 90])
        #expect(LabelColumn.places([500], distance: 10, within: 0...100) == [100])
    }

    @Test func `in every crowd distance and bounds hold`() {
        for count in 2...12 {
            let wanted = (0..<count).map { Double(($0 * 37) % 11) * 12 - 10 }
            let places = LabelColumn.places(wanted, distance: 19, within: 17...317)
            let sorted = places.sorted()
            let least = min(19, 300 / Double(count - 1))
            for (one, next) in zip(sorted, sorted.dropFirst()) { #expect(next - one >= least - 1e-9) }
            #expect(places.allSatisfy { $0 >= 17 - 1e-9 && $0 <= 317 + 1e-9 })
        }
    }
}
