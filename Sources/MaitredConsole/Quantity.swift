// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them.
///
/// Whatever comes is printed: a reply may be from a later version, so nothing here may trap.
enum Quantity {
    /// "99999", "123k", "1.2M": at most five characters up to a billion.
    static func short(_ count: Int) -> String {
        guard count >= 100_000 else { return "\(count)" }
        return scaled(Double(count), by: 1000, units: ["", "k", "M", "G", "T", "P", "E"])
    }

    /// "512", "12K", "1.2M", "312M", "1.5G" in powers of 1,024, as top(1) has it; "-" for nothing.
    static func memory(_ bytes: Int) -> String {
        guard bytes > 0 else { return "-" }
        return scaled(Double(bytes), by: 1024, units: ["", "K", "M", "G", "T", "P", "E"])
    }

    /// "512 B", "1.8 MB", "312 MB" in powers of 1,000, as rates of networks are given.
    static func bytes(_ bytes: Double) -> String {
        let units = [" B", " kB", " MB", " GB", " TB", " PB", " EB"]
        return scaled(bytes.isFinite ? max(0, bytes) : 0, by: 1000, units: units)
    }

    private static func scaled(_ value: Double, by step: Double, units: [String]) -> String {
        var value = value
        var unit = 0
        // 999.5 would be printed with four digits.
        while value >= 999.5, unit < units.count - 1 {
            value /= step
            unit += 1
        }
        return (value < 9.95 && unit > 0 ? decimal(value) : whole(value)) + units[unit]
    }

    /// "0.4%", "12%".
    static func percent(_ percent: Double) -> String {
        (percent > 0 && percent < 9.95 ? decimal(percent) : whole(percent)) + "%"
    }

    /// "0", "0.4", "12", "1203": a rate.
    static func rate(_ rate: Double) -> String {
        rate > 0 && rate < 9.95 ? decimal(rate) : whole(rate)
    }

    /// For a column: "34s", "12m34s", "3h05m", "12d04h".
    static func span(_ seconds: Double) -> String {
        let seconds = clamped(seconds)
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3600 { return "\(seconds / 60)m\(twoDigits(seconds % 60))s" }
        if seconds < 48 * 3600 { return "\(seconds / 3600)h\(twoDigits(seconds / 60 % 60))m" }
        return "\(seconds / 86_400)d\(twoDigits(seconds / 3600 % 24))h"
    }

    /// For a sentence: "34 s", "12 min", "3 h 5 min", "12 d 4 h".
    static func longSpan(_ seconds: Double) -> String {
        let seconds = clamped(seconds)
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min" }
        if seconds < 48 * 3600 { return joined(seconds / 3600, "h", seconds / 60 % 60, "min") }
        return joined(seconds / 86_400, "d", seconds / 3600 % 24, "h")
    }

    /// For a wait: "85 us", "1.2 ms", "350 ms", "2.1 s".
    static func wait(_ seconds: Double) -> String {
        if seconds < 0.000_9995 { return "\(whole(seconds * 1e6)) us" }
        if seconds < 0.9995 { return "\(rate(seconds * 1e3)) ms" }
        return "\(rate(seconds)) s"
    }

    private static func joined(_ first: Int, _ unit: String, _ second: Int, _ lesser: String) -> String {
        second == 0 ? "\(first) \(unit)" : "\(first) \(unit) \(second) \(lesser)"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func whole(_ value: Double) -> String { "\(clamped(value.rounded()))" }

    /// A number that `Int` holds, whatever the double is.
    private static func clamped(_ value: Double) -> Int {
        value.isFinite ? Int(max(0, min(value, 1e15))) : 0
    }
}
