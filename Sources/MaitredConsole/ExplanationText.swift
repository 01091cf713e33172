// SPDX-License-Identifier: Apache-2.0

/// What `maitred explain-worker` prints.
package enum ExplanationText {
    /// A line for each thing that was found, each with its newline.
    ///
    /// - Parameters:
    ///   - explanation: What was found.
    ///   - style: How it is painted.
    ///   - width: The terminal's columns; nil when it is none.
    /// - Returns: The text.
    package static func of(_ explanation: Explanation, style: Style, width: Int?) -> String {
        lines(explanation).map { $0.text(style, columns: $0.isCommand ? width : nil) + "\n" }.joined()
    }

    private struct Line {
        let label: String
        let value: String
        var paint = Paint.plain
        /// A command line may be cut; nothing else is.
        var isCommand = false

        func text(_ style: Style, columns: Int?) -> String {
            var line = StyledLine("\(label): ", .quiet)
            line.append(value, paint)
            return line.text(style, columns: columns)
        }
    }

    private static func lines(_ explanation: Explanation) -> [Line] {
        let paint = explanation.canBeWorker ? Paint.good : .bad
        var lines = [
            Line(label: "can be a worker", value: explanation.canBeWorker ? "yes" : "no", paint: paint),
            Line(label: "fed by", value: feeder(explanation.fedBy)),
        ]
        if let reason = explanation.reason { lines.append(Line(label: "reason", value: reason, paint: .bad)) }
        lines += places(explanation)
        lines += explanation.processes.map {
            let value = $0.command.isEmpty ? "\($0.pid)" : "\($0.pid) \($0.command)"
            return Line(label: "process", value: value, isCommand: true)
        }
        if let after = explanation.listenedAfter {
            lines.append(Line(label: "listened after", value: Quantity.wait(after)))
        }
        lines.append(Line(label: "ready after", value: ready(explanation)))
        if let exit = explanation.exit {
            let after = explanation.exitedAfter.map { " after \(Quantity.wait($0))" } ?? ""
            lines.append(Line(label: "exited", value: exit + after, paint: .bad))
        }
        if explanation.readyAfter != nil { lines += explanation.listeners.map(connection) }
        return lines + explanation.advice.map { Line(label: "advice", value: $0, paint: .strong) }
    }

    private static func feeder(_ feeder: Explanation.Feeder) -> String {
        switch feeder {
        case .sdk: "an SDK, or the wire by hand"
        case .library: "the preload library"
        case .nothing: "nothing"
        }
    }

    /// Where it listens: what was opened for it counts once it has listened or is ready.
    private static func places(_ explanation: Explanation) -> [Line] {
        let isListening = explanation.fedBy != .nothing || explanation.listenedAfter != nil
        var places = explanation.ownListeners.map { "\($0), opened by itself" }
        if isListening { places = explanation.listeners.map { "\($0.address), opened by maitred" } + places }
        return (places.isEmpty ? ["nothing"] : places).map { Line(label: "listens on", value: $0) }
    }

    private static func ready(_ explanation: Explanation) -> String {
        if let after = explanation.readyAfter { return Quantity.wait(after) }
        return explanation.exit == nil ? "not within \(Quantity.wait(explanation.startTimeout))" : "never"
    }

    private static func connection(_ listener: Explanation.Listener) -> Line {
        let place = "test connection to \(listener.address)"
        guard let after = listener.takenAfter else { return Line(label: place, value: "not taken", paint: .bad) }
        return Line(label: place, value: "taken after \(Quantity.wait(after))", paint: .good)
    }
}
