// SPDX-License-Identifier: Apache-2.0

import Logging

/// How messages and their metadata become text: no clock, no output.
enum LogText {
    /// "worker exited code=1 worker=3": the message, then the metadata by name, nothing in it that moves a cursor.
    static func body(_ message: String, _ metadata: Logger.Metadata) -> String {
        var text = escaped(message)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            text += " \(escaped(key))=\(quoted("\(value)"))"
        }
        return text
    }

    /// The text with everything that is not shown as itself written as an escape: `\n`, `\t`, `\u{1b}`.
    ///
    /// What workers and clients cause to be logged must not start lines of its own or speak to the terminal.
    static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch (scalar, scalar.properties.generalCategory) {
            case ("\n", _): result += "\\n"
            case ("\r", _): result += "\\r"
            case ("\t", _): result += "\\t"
            // Format characters can turn the direction of what follows.
            case (_, .control), (_, .format), (_, .lineSeparator), (_, .paragraphSeparator):
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A value as it stands, or in double quotes when a blank or a quote in it would hide where it ends.
    private static func quoted(_ value: String) -> String {
        let text = escaped(value)
        guard text.isEmpty || text.utf8.contains(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") }) else {
            return text
        }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }
}

/// What goes with an event, from all the places that swift-log knows; the narrower one wins.
struct LogMetadata: Sendable {
    /// The handler's own.
    var fixed: Logger.Metadata = [:]
    /// What looks metadata up at each event.
    var provider: Logger.MetadataProvider?

    /// All of it for one event; an error of the event is under "error" unless that is taken.
    func all(for event: LogEvent) -> Logger.Metadata {
        var result = fixed
        if let provider { result.merge(provider.get()) { _, provided in provided } }
        if let given = event.metadata { result.merge(given) { _, given in given } }
        if let error = event.error, result["error"] == nil { result["error"] = "\(error)" }
        return result
    }
}
