// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them.
///
/// Whatever comes is printed: a report may be read back from a file, so nothing here may trap.
enum Figure {
    /// What stands where there is no number.
    static let none = "-"

    /// "12.30": so many digits behind the point.
    static func fixed(_ value: Double, places: Int) -> String {
        guard value.isFinite else { return none }
        let places = Swift.max(0, Swift.min(places, 6))
        // 1e12 with six places still is an Int.
        let scaled = (Swift.min(value.magnitude, 1e12) * Decades.power(places)).rounded()
        var digits = String(Int(scaled))
        while digits.count <= places { digits = "0" + digits }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return sign + digits }
        return "\(sign)\(digits.dropLast(places)).\(digits.suffix(places))"
    }

    /// "0.213", "1.23", "12.3", "1230": three digits that count, or all before the point.
    static func significant(_ value: Double) -> String {
        fixed(value, places: places(for: value))
    }

    /// "10", "0.5": without zeros that say nothing, for axes and settings.
    static func plain(_ value: Double) -> String {
        var text = fixed(value, places: 6)
        guard text.contains(".") else { return text }
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    /// "12.3 ms".
    static func milliseconds(_ value: Double) -> String { significant(value) + " ms" }

    /// "1.06", "3.2", "14": how many times one is the other, rounded down, so that nothing looks better than it is.
    static func ratio(_ value: Double) -> String {
        guard value.isFinite else { return none }
        let places = value < 2 ? 2 : value < 10 ? 1 : 0
        let scale = Decades.power(places)
        // What arithmetic leaves of 3.2 may be 3.1999….
        return fixed((value * scale + 1e-9).rounded(.down) / scale, places: places)
    }

    /// The cells of a column: the same number of digits behind the point, as many as its smallest needs.
    ///
    /// - Parameters:
    ///   - values: Nil where there is no number.
    ///   - limit: The most characters of a cell, at least 4.
    ///   - most: The most digits behind the point.
    /// - Returns: A text for each value, not padded.
    static func column(_ values: [Double?], limit: Int, places most: Int = 3) -> [String] {
        let known = values.compactMap { $0 }.filter { $0.isFinite && $0 < Decades.power(limit) }
        var places = Swift.min(known.filter { $0 > 0 }.min().map(places) ?? 0, most)
        while places > 0, known.contains(where: { fixed($0, places: places).count > limit }) { places -= 1 }
        return values.map { value in
            guard let value, value.isFinite, value >= 0 else { return none }
            let text = fixed(value, places: places)
            return text.count <= limit ? text : short(value, limit: limit)
        }
    }

    /// "1234k", "1000T": at most `limit` characters.
    private static func short(_ value: Double, limit: Int) -> String {
        var value = Swift.min(value, 1e15)
        var units = ["", "k", "M", "G", "T", "P"][...]
        while value >= Decades.power(limit - 1) - 0.5, units.count > 1 {
            value /= 1000
            units.removeFirst()
        }
        return fixed(value, places: 0) + (units.first ?? "")
    }

    private static func places(for value: Double) -> Int {
        // 9.996 would become 10.00.
        if value < 0.9995 { return 3 }
        if value < 9.995 { return 2 }
        return value < 99.95 ? 1 : 0
    }
}

/// Powers and logarithms of ten, which the standard library alone does not have.
enum Decades {
    /// Ten to the power of a whole number.
    static func power(_ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<Swift.min(exponent.magnitude, 308) { result *= 10 }
        return exponent < 0 ? 1 / result : result
    }

    /// The decimal logarithm of a positive number, to 14 digits; nil for anything else.
    static func logarithm(_ value: Double) -> Double? {
        guard value.isFinite, value > 0 else { return nil }
        // A number is a power of two times something between the root of a half and the root of two …
        var fraction = value.significand
        var exponent = Double(value.exponent)
        if fraction > 2.0.squareRoot() {
            fraction /= 2
            exponent += 1
        }
        // … and the logarithm of that is a series that gains more than a digit with each term.
        let ratio = (fraction - 1) / (fraction + 1)
        var term = ratio
        var sum = 0.0
        for divisor in stride(from: 1.0, through: 23, by: 2) {
            sum += term / divisor
            term *= ratio * ratio
        }
        return (2 * sum + exponent * 0.693_147_180_559_945_3) / 2.302_585_092_994_046
    }
}
