// SPDX-License-Identifier: Apache-2.0

package import MaitredControl

/// What is said of a service as a whole: a label and a few facts in each line.
package enum StatusHead {
    /// The lines, those of most interest first.
    ///
    /// - Parameters:
    ///   - report: The report.
    ///   - width: The terminal's columns, at which lines are broken; nil where they may have any length.
    /// - Returns: At least four lines; those about things that have not happened are left out.
    package static func lines(_ report: StatusReport, width: Int? = nil) -> [StyledLine] {
        [title(report)] + entries(report).flatMap { entry in broken(entry, width: width) }
    }

    /// A label, and facts that are joined by commas.
    private struct Entry {
        let label: String
        var facts: [StyledLine]
        var separator = ","
    }

    private static func title(_ report: StatusReport) -> StyledLine {
        var line = StyledLine(report.name, .strong)
        line.append(": ")
        line.append(report.state, WorkerState.paint(report.state))
        line.append(", up \(Quantity.longSpan(report.uptime)), pid \(report.pid), maitred \(report.program)")
        return line
    }

    private static func entries(_ report: StatusReport) -> [Entry] {
        [
            workers(report), failed(report), lastReload(report), connections(report), rates(report),
            latency(report), listeners(report), log(report),
        ].compactMap { $0 }
    }

    private static func workers(_ report: StatusReport) -> Entry {
        let counts = Dictionary(grouping: report.workers, by: \.state).mapValues(\.count)
        let others = counts.keys.filter { !WorkerState.all.contains($0) }.sorted()
        var facts = (WorkerState.all + others).compactMap { state in
            counts[state].map { StyledLine("\($0) \(state)", WorkerState.paint(state)) }
        }
        if facts.isEmpty { facts.append(StyledLine("none", .bad)) }
        facts[facts.count - 1].append(" of \(report.size) wanted")
        return Entry(
            label: "workers",
            facts: facts + [StyledLine("generation \(report.generation)"), StyledLine(report.strategy)]
        )
    }

    /// Slots named one by one; more would fill the screen.
    private static let namedSlots = 8

    private static func failed(_ report: StatusReport) -> Entry? {
        let slots = report.vacantSlots.filter { $0.state == "failed" }
        guard let first = slots.first else { return nil }
        var names = slots.prefix(namedSlots).map { "\($0.slot)" }.joined(separator: ", ")
        if slots.count > namedSlots { names += " and \(slots.count - namedSlots) more" }
        let which = slots.count == 1 ? "slot \(names) after \(first.failures) failed starts in a row" : "slots \(names)"
        return Entry(
            label: "given up",
            facts: [StyledLine(which, .bad), StyledLine("'maitred reload' tries again")],
            separator: ";"
        )
    }

    private static func lastReload(_ report: StatusReport) -> Entry? {
        guard let reload = report.lastReload else { return nil }
        var first = StyledLine(reload.result, WorkerState.paint(reload.result))
        if reload.result == "running" {
            first.append(" for \(Quantity.longSpan(reload.age)), to generation \(reload.generation)")
        } else {
            first.append(" \(Quantity.longSpan(reload.age)) ago")
        }
        if let reason = reload.reason { first.append(": \(reason)") }
        guard !reload.deferred.isEmpty else { return Entry(label: "last reload", facts: [first]) }
        let deferred = StyledLine("only with a new master: \(reload.deferred.joined(separator: ", "))", .warning)
        return Entry(label: "last reload", facts: [first, deferred], separator: ";")
    }

    private static func connections(_ report: StatusReport) -> Entry {
        let counts = report.connections
        var facts = [
            StyledLine("\(counts.open) open"),
            StyledLine("\(counts.queued) queued", counts.queued > 0 ? .warning : .plain),
            StyledLine("\(counts.accepted) accepted"),
            StyledLine("\(counts.takenBack) taken back"),
        ]
        if counts.failed > 0 { facts.append(StyledLine("\(counts.failed) gone before accept")) }
        if counts.lost > 0 { facts.append(StyledLine("\(counts.lost) lost", .bad)) }
        return Entry(label: "connections", facts: facts)
    }

    private static func rates(_ report: StatusReport) -> Entry {
        let rates = report.rates
        return Entry(
            label: "per second",
            facts: [
                StyledLine("\(Quantity.rate(rates.accepted)) accepted"),
                StyledLine("\(Quantity.rate(rates.taken)) taken"),
                StyledLine("\(Quantity.rate(rates.requests)) requests"),
                StyledLine("\(Quantity.rate(rates.errors)) errors", rates.errors > 0 ? .warning : .plain),
            ]
        )
    }

    private static func latency(_ report: StatusReport) -> Entry {
        let latency = report.handoffLatency
        let parts = [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("longest", latency.max)]
        var facts = parts.compactMap { name, value in value.map { StyledLine("\(name) \(Quantity.wait($0))") } }
        guard let first = facts.first else {
            return Entry(label: "handoff", facts: [StyledLine("nothing measured yet", .quiet)])
        }
        facts[0] = StyledLine("accept to take ").appending(first)
        return Entry(label: "handoff", facts: facts)
    }

    private static func listeners(_ report: StatusReport) -> Entry {
        let names = report.listeners.map { listener in
            let isNamed = !listener.name.isEmpty && listener.name != listener.address
            return StyledLine(isNamed ? "\(listener.address) (\(listener.name))" : listener.address)
        }
        return Entry(label: "listening", facts: names.isEmpty ? [StyledLine("nowhere", .quiet)] : names)
    }

    private static func log(_ report: StatusReport) -> Entry? {
        guard report.droppedLogLines > 0 else { return nil }
        return Entry(
            label: "log",
            facts: [StyledLine("\(report.droppedLogLines) lines could not be written", .warning)]
        )
    }

    /// Columns of the longest label.
    private static let labelWidth = 11

    /// Narrower terminals get lines that are cut.
    private static let leastText = 20

    private static func broken(_ entry: Entry, width: Int?) -> [StyledLine] {
        var start = StyledLine(String(repeating: " ", count: labelWidth - entry.label.count))
        start.append(entry.label, .quiet)
        start.append(": ")
        let facts = entry.facts.enumerated().map { index, fact in
            index == entry.facts.count - 1 ? fact : fact.appending(StyledLine(entry.separator))
        }
        let room = width.map { max(leastText, $0 - start.width) } ?? .max
        return wrapped(facts, room: room).enumerated().map { index, line in
            (index == 0 ? start : StyledLine(String(repeating: " ", count: start.width))).appending(line)
        }
    }

    /// Facts in lines, broken between facts where that goes, between words where it does not.
    private static func wrapped(_ facts: [StyledLine], room: Int) -> [StyledLine] {
        var lines = [StyledLine()]
        for fact in facts {
            let isShort = fact.width <= room
            for part in isShort ? [fact] : fact.words {
                let last = lines[lines.count - 1]
                if last.width == 0 {
                    lines[lines.count - 1] = part
                } else if last.width + 1 + part.width <= room {
                    lines[lines.count - 1] = last.appending(StyledLine(" ")).appending(part)
                } else {
                    lines.append(part)
                }
            }
        }
        return lines
    }
}
