// SPDX-License-Identifier: Apache-2.0

/// The units of a duration, from the largest to the smallest.
private let durationUnits: [(name: String, microseconds: Int64)] = [
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
]

/// The seconds whose microseconds fit 64 bits together with a fraction.
private let longestSeconds = Int64.max / 1_000_000 - 1

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
    let (number, unit) = DecimalParts.split(text)
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
    // An embedding program can ask for any time: one of more than 292,000 years is told as that.
    let seconds = min(max(parts.seconds, -longestSeconds), longestSeconds)
    let microseconds = seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
    guard microseconds != 0, let unit = durationUnits.first(where: { microseconds % $0.microseconds == 0 }) else {
        return "0"
    }
    return "\(microseconds / unit.microseconds)\(unit.name)"
}
