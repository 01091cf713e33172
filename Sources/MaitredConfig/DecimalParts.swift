// SPDX-License-Identifier: Apache-2.0

/// Decimals that are read: more cannot name a whole number of the smallest unit.
private let decimalsLimit = 9

/// The two sides of a decimal point.
struct DecimalParts {
    private let isNegative: Bool
    private let whole: Substring
    private let fraction: Substring

    /// Splits `12`, `-12` or `12.5`; `nil` for anything else.
    init?(_ text: Substring) {
        isNegative = text.first == "-"
        let sides = text.dropFirst(isNegative ? 1 : 0).split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(sides.count), sides.allSatisfy({ isDecimal($0) }) else { return nil }
        whole = sides[0]
        fraction = sides.count == 2 ? sides[1] : ""
    }

    /// The number at the beginning of a text, with its sign, and the rest, which is meant to be its unit.
    static func split(_ text: String) -> (number: Substring, unit: Substring) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-") }
        return (number, text.dropFirst(number.count))
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
        guard digits.count <= decimalsLimit else { return .fractional }
        let divisor = digits.reduce(Int128(1)) { power, _ in power * 10 }
        // Cannot overflow: nine decimals and 64 bits are less than 94.
        let product = (Int128(digits) ?? 0) * Int128(unit)
        guard product % divisor == 0 else { return .fractional }
        guard !isNegative || isZero, let whole = Int64(whole) else { return .unrepresentable }
        let sum = Int128(whole) * Int128(unit) + product / divisor
        return Int64(exactly: sum).map { .whole($0) } ?? .unrepresentable
    }
}
