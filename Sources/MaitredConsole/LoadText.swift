// SPDX-License-Identifier: Apache-2.0

package import MaitredBench

/// What `maitred bench load` prints for a person.
package enum LoadText {
    /// The whole report.
    ///
    /// - Parameter report: What was found.
    /// - Returns: Lines, the last with its end.
    package static func of(_ report: LoadReport) -> String {
        var lines = [heading(report), ""]
        lines.append(row("throughput", "\(grouped(report.throughput)) requests/s, \(rate(report))"))
        lines += latencies(report)
        lines.append(row("answered", answers(report)))
        lines.append(row("failed", failures(report)))
        lines.append(row("generator", generator(report)))
        if report.wasBottleneck { lines += warning(report) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// One line about a run that goes on.
    ///
    /// - Parameters:
    ///   - elapsed: Seconds since the start.
    ///   - total: Seconds that it takes.
    ///   - isMeasuring: Whether the warm-up is over.
    ///   - answered: Good answers so far.
    ///   - failed: Failed requests so far.
    /// - Returns: The line, without its end.
    package static func progress(
        elapsed: Double,
        total: Double,
        isMeasuring: Bool,
        answered: UInt64,
        failed: UInt64
    )
        -> String
    {
        let phase = isMeasuring ? "measuring" : "warming up"
        let time = "\(fixed(elapsed, digits: 1)) of \(fixed(total, digits: 1)) s"
        return "\(phase), \(time): \(grouped(Double(answered))) answered, \(grouped(Double(failed))) failed"
    }

    private static func heading(_ report: LoadReport) -> String {
        let request = report.request
        var words = ["\(fixed(report.seconds, digits: 1)) s of \(request.url)"]
        if let connections = request.connections { words.append(counted(connections, "connection")) }
        if let rate = request.rate { words.append("\(grouped(rate)) requests/s wanted") }
        if let burst = request.burst { words.append("bursts of \(burst)") }
        if request.idle > 0 { words.append("\(request.idle) idle ones besides") }
        words.append(counted(request.threads, "thread"))
        words.append(request.keepAlive ? "connections are kept" : "a new connection for each request")
        return words.joined(separator: ", ")
    }

    private static func latencies(_ report: LoadReport) -> [String] {
        guard report.answered > 0 else { return [row("latency", "nothing was answered")] }
        let names = ["p50", "p75", "p90", "p99", "p99.9", "p99.99", "max"]
        var lines = [row("", names.map { padded($0, 10) }.joined())]
        lines.append(row("latency", cells(report.latency)))
        // In a closed loop both are the same.
        if report.request.connections == nil { lines.append(row("from send", cells(report.serviceTime))) }
        return lines
    }

    private static func cells(_ latency: LoadReport.Latency) -> String {
        [latency.p50, latency.p75, latency.p90, latency.p99, latency.p999, latency.p9999, latency.max]
            .map { padded(time($0), 10) }.joined()
    }

    private static func answers(_ report: LoadReport) -> String {
        let answered = "\(grouped(Double(report.answered))) on \(grouped(Double(report.connectionsOpened))) connections"
        guard report.unfinished > 0 else { return answered }
        return "\(answered); \(grouped(Double(report.unfinished))) had no answer yet at the end"
    }

    private static func failures(_ report: LoadReport) -> String {
        guard report.failed > 0 else { return "0" }
        let kinds = report.errors.filter { $0.value > 0 }.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        return "\(grouped(Double(report.failed))): "
            + kinds.map { "\(grouped(Double($0.value))) \(words(for: $0.key))" }.joined(separator: ", ")
    }

    private static func words(for kind: String) -> String {
        switch kind {
        case "shortBody": "cut short"
        case "badStatus": "not 2xx"
        case "badResponse": "not HTTP"
        case "local": "for lack of resources here"
        default: kind
        }
    }

    private static func generator(_ report: LoadReport) -> String {
        let share = report.seconds > 0 ? report.cpuSeconds / report.seconds : 0
        let processors = "\(fixed(share, digits: 2)) processors"
        guard report.answered > 0 else { return processors }
        return "\(processors), \(fixed(report.cpuSeconds * 1e6 / Double(report.answered), digits: 1)) us a request"
    }

    private static func warning(_ report: LoadReport) -> [String] {
        let late =
            report.late > 0
            ? "\(grouped(Double(report.late))) requests were sent late, by \(time(report.latestBy)) at most"
            : "its threads had no time left"
        return ["", "The generator itself was the bottleneck: \(late).", "Give it more --threads, or ask for less."]
    }

    // MARK: - Numbers

    private static func row(_ name: String, _ text: String) -> String {
        let line = name + String(repeating: " ", count: 12 - name.count) + text
        return String(line.reversed().drop { $0 == " " }.reversed())
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    private static func rate(_ report: LoadReport) -> String {
        Quantity.bytes(report.seconds > 0 ? Double(report.bytes) / report.seconds : 0) + "/s"
    }

    private static func time(_ milliseconds: Double) -> String {
        Quantity.wait(milliseconds / 1000).filter { $0 != " " }
    }

    /// "12,345".
    private static func grouped(_ value: Double) -> String {
        var rest = Array(String(UInt64(max(0, min(value.rounded(), 1e18)))).utf8)
        var groups: [String] = []
        while !rest.isEmpty {
            groups.insert(String(decoding: rest.suffix(3), as: UTF8.self), at: 0)
            rest.removeLast(min(3, rest.count))
        }
        return groups.joined(separator: ",")
    }

    private static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = UInt64(max(0, min((value * scale).rounded(), 1e18)))
        let text = String(scaled)
        let filled = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        return digits == 0 ? filled : "\(filled.dropLast(digits)).\(filled.suffix(digits))"
    }
}
