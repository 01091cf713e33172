// SPDX-License-Identifier: Apache-2.0

/// Pieces that sentences are made of.
enum Sentence {
    /// "a", "a and b", "a, b and c".
    static func list(_ items: [String]) -> String {
        guard let last = items.last, items.count > 1 else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + " and " + last
    }

    /// "1 worker", "4 workers".
    static func count(_ number: Int, _ thing: String) -> String { number == 1 ? "1 \(thing)" : "\(number) \(thing)s" }

    /// "3 requests failed and 1 had no answer in time"; nil when all went well.
    static func trouble(_ result: StrategyResult) -> String? {
        switch (result.failed, result.stuck) {
        case (0, 0): nil
        case (let failed, 0): "\(count(failed, "request")) failed"
        case (0, let stuck): "\(count(stuck, "request")) had no answer in time"
        case (let failed, let stuck): "\(count(failed, "request")) failed and \(stuck) had no answer in time"
        }
    }

    /// A name of at most `limit` characters.
    static func shortened(_ name: String, to limit: Int) -> String {
        name.count <= limit ? name : name.prefix(limit - 3) + "..."
    }

    /// The words of a text in lines of at most `width` characters; a longer word has a line of its own.
    ///
    /// A number and its unit are one word.
    static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in words(text) {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    private static let units: Set<String> = ["us", "ms", "s", "min", "h", "%", "B", "kB", "MB", "GB"]

    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            let isUnit = units.contains(word.filter { !".,;:)".contains($0) })
            if isUnit, let last = words.last, last.last?.isNumber == true {
                words[words.count - 1] = "\(last) \(word)"
            } else {
                words.append(String(word))
            }
        }
        return words
    }
}
