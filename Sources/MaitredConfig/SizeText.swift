// SPDX-License-Identifier: Apache-2.0

/// The units of a size and their bytes.
///
/// As the GNU tools have them: `MB` counts in thousands, `MiB` in 1,024s, and the bare letter is the latter, which is
/// also what systemd and nginx mean by it.
private let sizeUnits: [(name: String, bytes: Int64)] = [
    ("B", 1),
    ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40),
]

/// The units as an error lists them.
private let sizeUnitList = "B, KB, MB, GB, TB (by 1000) or KiB, MiB, GiB, TiB, K, M, G, T (by 1024)"

/// Reads a size in bytes: a number with its unit, as in `500MB`, `1.5GB`, `64KiB`, `512M`.
///
/// Upper and lower case are equal. `0` needs no unit.
///
/// - Throws: `InvalidValue`; a number without a unit is told to add one, because nobody means five hundred bytes by
///   `500`.
package func size(_ text: String, in range: ClosedRange<Int>, orWord word: String? = nil) throws(InvalidValue) -> Int {
    let advice = "give \(sizeExpectation(range, orWord: word))"
    let (number, unit) = DecimalParts.split(text)
    guard let parts = DecimalParts(number) else {
        throw InvalidValue("\(quoted(text)) is not a size: \(advice)")
    }
    if unit.isEmpty, !parts.isZero {
        throw InvalidValue("\(quoted(text)) has no unit: add one, as in \(visible(text))MB")
    }
    let scale = sizeUnits.first { $0.name.lowercased() == unit.lowercased() }?.bytes
    guard let scale = unit.isEmpty ? 1 : scale else {
        throw InvalidValue("\(quoted(text)) has an unknown unit: use \(sizeUnitList)")
    }
    switch parts.scaled(by: scale) {
    case .whole(let bytes) where range.contains(Int(bytes)):
        return Int(bytes)
    case .whole, .unrepresentable:
        throw InvalidValue("\(quoted(text)) is out of range: \(advice)")
    case .fractional:
        throw InvalidValue("\(quoted(text)) is not a whole number of bytes: \(advice)")
    }
}

/// What a size setting accepts, as errors and documents say it: `a size from 1MB to 16TB`.
package func sizeExpectation(_ range: ClosedRange<Int>, orWord word: String? = nil) -> String {
    let span = "a size from \(sizeText(range.lowerBound)) to \(sizeText(range.upperBound))"
    return word.map { "\(span), or '\($0)'" } ?? span
}

/// A size in the unit that leaves the smallest whole number, as `size(_:in:)` reads it; `0` for none.
package func sizeText(_ bytes: Int) -> String {
    guard bytes != 0 else { return "0" }
    var unit = sizeUnits[0]
    // The bare letters come last, so the spelling that cannot be mistaken wins.
    for candidate in sizeUnits where Int64(bytes) % candidate.bytes == 0 && candidate.bytes > unit.bytes {
        unit = candidate
    }
    return "\(Int64(bytes) / unit.bytes)\(unit.name)"
}
