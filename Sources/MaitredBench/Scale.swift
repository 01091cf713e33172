// SPDX-License-Identifier: Apache-2.0

/// Where a value is on an axis.
///
/// Every position is within the axis, whatever the value is: what is beyond an end is at that end.
struct Scale {
    /// The value at the start of the axis.
    let lower: Double
    /// The value at its end, larger.
    let upper: Double
    /// The values that are marked, in order, both ends within reach of a reader.
    let ticks: [Double]
    /// The position of the start.
    let start: Double
    /// The position of the end, which may be the smaller number.
    let end: Double

    private let isLogarithmic: Bool

    /// A linear axis from 0 to a round number that none of the values exceeds.
    ///
    /// - Parameters:
    ///   - values: What is to be shown; numbers that are not finite or below 0 do not count.
    ///   - steps: The most distances between ticks.
    ///   - start: The position of 0.
    ///   - end: The position of the round number.
    init(from0To values: [Double], steps: Int, start: Double, end: Double) {
        let most = values.filter { $0.isFinite && $0 > 0 }.max() ?? 1
        let step = Self.roundUp(most / Double(max(1, steps)))
        let count = max(1, (most / step - 1e-9).rounded(.up))
        self.init(
            lower: 0,
            upper: step * count,
            ticks: (0...Int(count)).map { step * Double($0) },
            isLogarithmic: false,
            start: start,
            end: end
        )
    }

    /// A logarithmic axis around all values, from a round number to a round number.
    ///
    /// - Parameters:
    ///   - values: What is to be shown; what has no logarithm does not count, and is shown at the start.
    ///   - start: The position of the smallest.
    ///   - end: The position of the largest.
    init(logarithmic values: [Double], start: Double, end: Double) {
        let known = values.filter { $0.isFinite && $0 >= 1e-9 && $0 <= 1e12 }
        let upper = Self.roundUp(known.max() ?? 1)
        var lower = Self.roundDown(known.min() ?? 0.1)
        if lower >= upper { lower = Self.roundDown(upper / 2) }
        self.init(
            lower: lower,
            upper: upper,
            ticks: Self.logarithmicTicks(from: lower, to: upper),
            isLogarithmic: true,
            start: start,
            end: end
        )
    }

    /// A linear axis with ticks that are given.
    init(_ range: ClosedRange<Double>, ticks: [Double], start: Double, end: Double) {
        self.init(
            lower: range.lowerBound,
            upper: range.upperBound,
            ticks: ticks,
            isLogarithmic: false,
            start: start,
            end: end
        )
    }

    private init(
        lower: Double,
        upper: Double,
        ticks: [Double],
        isLogarithmic: Bool,
        start: Double,
        end: Double
    ) {
        self.lower = lower
        self.upper = upper
        self.ticks = ticks
        self.isLogarithmic = isLogarithmic
        self.start = start
        self.end = end
    }

    /// The position of a value; nil if it is not a number.
    func position(_ value: Double) -> Double? {
        guard !value.isNaN else { return nil }
        let value = min(max(value, lower), upper)
        guard isLogarithmic else { return between((value - lower) / (upper - lower)) }
        guard let first = Decades.logarithm(lower), let here = Decades.logarithm(value),
            let last = Decades.logarithm(upper)
        else { return nil }
        return between((here - first) / (last - first))
    }

    private func between(_ share: Double) -> Double? {
        share.isFinite ? start + min(max(share, 0), 1) * (end - start) : start
    }

    /// 1, 2 and 5 of each power of ten, or over more than three of them only 1.
    private static func logarithmicTicks(from lower: Double, to upper: Double) -> [Double] {
        let mantissas = upper / lower > 1001 ? [1.0] : [1.0, 2.0, 5.0]
        let reach = (lower * (1 - 1e-9))...(upper * (1 + 1e-9))
        var ticks: [Double] = []
        // All that a value may be on such an axis.
        for exponent in -9...13 {
            let decade = Decades.power(exponent)
            ticks += mantissas.map { $0 * decade }.filter(reach.contains)
        }
        return ticks
    }

    /// The next of 1, 2 and 5 times a power of ten that is no smaller.
    static func roundUp(_ value: Double) -> Double {
        let decade = decade(of: value)
        return [1, 2, 5, 10].map { $0 * decade }.first { value <= $0 * (1 + 1e-9) } ?? value
    }

    /// The next of 1, 2 and 5 times a power of ten that is no larger.
    static func roundDown(_ value: Double) -> Double {
        let decade = decade(of: value)
        return [5, 2, 1].map { $0 * decade }.first { value >= $0 * (1 - 1e-9) } ?? value
    }

    private static func decade(of value: Double) -> Double {
        let logarithm = Decades.logarithm(value) ?? 0
        return Decades.power(Int((logarithm + 1e-9).rounded(.down)))
    }
}
