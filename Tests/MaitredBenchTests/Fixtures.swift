// SPDX-License-Identifier: Apache-2.0

import MaitredBench

extension StrategyResult {
    /// A result that is made up around a p99: the rounds differ by a tenth, everything was answered.
    static func made(
        _ strategy: String,
        p99: Double = 10,
        rounds: [Double]? = nil,
        failed: Int = 0,
        stuck: Int = 0,
        perSecond: Double = 1000,
        curve: [CurvePoint]? = nil,
        spreads: [Spread]? = nil
    ) -> StrategyResult {
        StrategyResult(
            strategy: strategy,
            perSecond: perSecond,
            p50: p99 / 10,
            p90: p99 / 3,
            p99: p99,
            p999: p99 * 2,
            max: p99 * 3,
            p99Range: rounds ?? [p99 * 0.95, p99 * 1.05],
            failed: failed,
            stuck: stuck,
            maxOverMean: 1.25,
            deviation: 2.5,
            masterCPU: 9,
            workerCPU: 60,
            curve: curve
                ?? [(0, p99 / 20), (50, p99 / 10), (90, p99 / 3), (99, p99), (99.9, p99 * 2), (99.99, p99 * 3)]
                .map { CurvePoint(percentile: $0, milliseconds: $1) },
            spreads: spreads ?? (0...10).map { Spread(second: Double($0), open: [$0, 5, 10 - $0]) }
        )
    }
}

extension RegimeResult {
    /// A regime with results.
    static func made(_ strategies: [StrategyResult]) -> RegimeResult { made("short", strategies) }

    /// A regime with a name and results.
    static func made(_ name: String, _ strategies: [StrategyResult]) -> RegimeResult {
        RegimeResult(name: name, title: "Title of \(name)", explanation: "What was sent.", strategies: strategies)
    }
}

extension StrategyReport {
    /// A report with results.
    static func made(_ regimes: [RegimeResult], rounds: Int = 3) -> StrategyReport {
        StrategyReport(
            conditions: Conditions(
                date: "2026-11-26",
                command: "maitred bench strategies",
                version: "1.2.3",
                kernel: "6.18",
                processor: "A Processor",
                processors: 2,
                workers: 4,
                rounds: rounds,
                seconds: 10
            ),
            regimes: regimes
        )
    }

    /// Numbers, names and texts that no run has, to see that nothing traps on them.
    static var wild: StrategyReport {
        let numbers = [0, -1, .nan, .infinity, -.infinity, 1e-300, 1e300, .leastNonzeroMagnitude]
        let results = numbers.enumerated().map { index, number in
            StrategyResult(
                strategy: "<script>\"'&\u{1}\(index)",
                perSecond: number,
                p50: number,
                p90: number,
                p99: number,
                p999: number,
                max: number,
                p99Range: index.isMultiple(of: 2) ? [] : [number],
                failed: index.isMultiple(of: 3) ? 0 : .max,
                stuck: index.isMultiple(of: 4) ? 0 : .min,
                maxOverMean: number,
                deviation: number,
                masterCPU: number,
                workerCPU: number,
                curve: numbers.map { StrategyResult.CurvePoint(percentile: $0, milliseconds: number) }
                    + [StrategyResult.CurvePoint(percentile: 100, milliseconds: number)],
                spreads: numbers.map { StrategyResult.Spread(second: $0, open: [.min, 0, .max]) }
            )
        }
        return made([.made("stall", results), .made("<b>", []), .made("one", [results[6]])])
    }
}

/// The tags of a text, as far as `Markup` writes them.
struct Tag {
    /// What a tag does.
    enum Kind {
        case opening
        case closing
        case empty
    }

    let name: String
    let kind: Kind
    let attributes: [String: String]

    /// All tags of a text in order; nil if one is not as it should be, or a text between them has a stray `>`.
    static func all(in text: String) -> [Tag]? {
        var tags: [Tag] = []
        for part in text.split(separator: "<", omittingEmptySubsequences: false).dropFirst() {
            let pieces = part.split(separator: ">", omittingEmptySubsequences: false)
            guard pieces.count == 2 else { return nil }
            if pieces[0] == "!DOCTYPE html" { continue }
            guard let tag = Tag(String(pieces[0])) else { return nil }
            tags.append(tag)
        }
        return tags
    }

    private init?(_ text: String) {
        guard let match = text.wholeMatch(of: /(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z0-9-]+="[^"]*")*)(\/?)/) else {
            return nil
        }
        name = String(match.2)
        kind = match.1 == "/" ? .closing : match.4 == "/" ? .empty : .opening
        var attributes: [String: String] = [:]
        for attribute in match.3.matches(of: /([a-zA-Z0-9-]+)="([^"]*)"/) {
            attributes[String(attribute.1)] = String(attribute.2)
        }
        self.attributes = attributes
    }

    /// Whether everything that is opened is closed in the opposite order.
    static func areInOrder(_ tags: [Tag]) -> Bool {
        var open: [String] = []
        for tag in tags {
            switch tag.kind {
            case .opening: open.append(tag.name)
            case .empty: continue
            case .closing: if open.popLast() != tag.name { return false }
            }
        }
        return open.isEmpty
    }

    /// The points of a path.
    var points: [PathPoint] {
        (attributes["d"] ?? "").matches(of: /(-?[0-9.]+) (-?[0-9.]+)/).compactMap { match in
            guard let x = Double(match.1), let y = Double(match.2) else { return nil }
            return PathPoint(x: x, y: y)
        }
    }
}

/// A point that was read back.
struct PathPoint: Equatable {
    let x: Double
    let y: Double
}
