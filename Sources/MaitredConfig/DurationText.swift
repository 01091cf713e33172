// SPDX-License-Identifier: Apache-2.0

/// The units of a duration, from the largest to the smallest.
private let durationUnits: [(name: String, microseconds: Int64)] = [
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
]

/// Decimals that are read: more cannot name a whole number of microseconds, and one hour's worth still fits 64 bits.
private let durationDecimals = 9

/// Reads a duration: a number with its unit, as in `100ms`, `1.5s`, `2m`, `1h`, `250us`.
///
/// `0` needs no unit. The resolution is a microsecond.
///
/// - Throws: `InvalidValue`; a number without a unit is told to add one, because seconds and milliseconds are both
///   usual and guessing wrong costs a factor of a thousand.
package func duration(
    _ text: String,
    in range: ClosedRange<Duration>,
    orWord word: String? = nil
)
    throws(InvalidValue) -> Duration
{
    let advice = "give \(durationExpectation(range, orWord: word))"
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-") }
    let unit = text.dropFirst(number.count)
    guard let parts = DecimalParts(number) else {
        throw InvalidValue("\(quoted(text)) is not a duration: \(advice)")
    }
    if unit.isEmpty, !parts.isZero {
        throw InvalidValue("\(quoted(text)) has no unit: add one of us, ms, s, m, h, as in \(visible(text))s")
    }
    guard unit.isEmpty || durationUnits.contains(where: { $0.name == unit }) else {
        throw InvalidValue("\(quoted(text)) has an unknown unit: use one of us, ms, s, m, h")
    }
    let scale = durationUnits.first { $0.name == unit }?.microseconds ?? 1
    switch parts.scaled(by: scale) {
    case .whole(let microseconds) where range.contains(.microseconds(microseconds)):
        return .microseconds(microseconds)
    case .whole, .unrepresentable:
        throw InvalidValue("\(quoted(text)) is out of range: \(advice)")
    case .fractional:
        throw InvalidValue("\(quoted(text)) is finer than a microsecond: \(advice)")
    }
}

/// What a duration setting accepts, as errors and documents say it: `a duration from 1ms to 1h`.
package func durationExpectation(_ range: ClosedRange<Duration>, orWord word: String? = nil) -> String {
    let span = "a duration from \(durationText(range.lowerBound)) to \(durationText(range.upperBound))"
    return word.map { "\(span), or '\($0)'" } ?? span
}

/// A duration in the largest unit that divides it, as `duration(_:in:)` reads it; `0` for none.
package func durationText(_ duration: Duration) -> String {
    let parts = duration.components
    let microseconds = parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
    guard microseconds != 0, let unit = durationUnits.first(where: { microseconds % $0.microseconds == 0 }) else {
        return "0"
    }
    return "\(microseconds / unit.microseconds)\(unit.name)"
}

/// The two sides of a decimal point.
private struct DecimalParts {
    let isNegative: Bool
    let whole: Substring
    let fraction: Substring

    /// Splits `12`, `-12` or `12.5`; `nil` for anything else.
    init?(_ text: Substring) {
        isNegative = text.first == "-"
        let sides = text.dropFirst(isNegative ? 1 : 0).split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(sides.count), sides.allSatisfy({ isDecimal($0) }) else { return nil }
        whole = sides[0]
        fraction = sides.count == 2 ? sides[1] : ""
    }

    var isZero: Bool { (whole + fraction).allSatisfy { $0 == "0" } }

    /// What multiplying by a unit gives.
    enum Product {
        case whole(Int64)
        case fractional
        /// Negative, or too large for 64 bits.
        case unrepresentable
    }

    /// The number times `unit`.
    func scaled(by unit: Int64) -> Product {
        let digits = String(fraction.reversed().drop { $0 == "0" }.reversed())
        guard digits.count <= durationDecimals else { return .fractional }
        let divisor = digits.reduce(Int64(1)) { power, _ in power * 10 }
        // Cannot overflow: nine decimals of the largest unit are 3.6e18.
        let product = (Int64(digits) ?? 0) * unit
        guard product % divisor == 0 else { return .fractional }
        guard !isNegative || isZero, let whole = Int64(whole) else { return .unrepresentable }
        let (scaled, overflow) = whole.multipliedReportingOverflow(by: unit)
        let (sum, overflowOfSum) = scaled.addingReportingOverflow(product / divisor)
        return overflow || overflowOfSum ? .unrepresentable : .whole(sum)
    }
}
