// SPDX-License-Identifier: Apache-2.0

extension StrategyReport.Conditions {
    /// "2026-11-26, maitred 1.0, Linux 6.18, 2 processors (…), 4 workers; medians of 3 rounds of 10 s.".
    var sentence: String { "\(place); \(method)." }

    /// When, what and where.
    var place: String {
        let name = processor.isEmpty ? "" : " (\(processor))"
        return [
            date, "maitred \(version)", "Linux \(kernel)", Sentence.count(processors, "processor") + name,
            Sentence.count(workers, "worker"),
        ].joined(separator: ", ")
    }

    /// What a figure is made of.
    var method: String {
        let length = Figure.plain(seconds)
        return rounds == 1 ? "one round of \(length) s" : "medians of \(rounds) rounds of \(length) s"
    }
}
