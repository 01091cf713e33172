// SPDX-License-Identifier: Apache-2.0

package import MaitredControl

/// A line of the event stream as `maitred events` prints it: `TIME LEVEL: message key=value …`.
package enum EventText {
    /// Reads a line as the master sends it and puts it in the form of the log.
    ///
    /// - Parameters:
    ///   - line: An object of JSON, as `EventRecord` writes it; what a later master adds is printed too.
    ///   - style: How it is painted.
    ///   - hasDate: Whether the whole time is printed, or the time of day.
    /// - Returns: The line without its newline.
    /// - Throws: `ControlError.malformed`.
    package static func line(_ line: [UInt8], style: Style, hasDate: Bool) throws(ControlError) -> String {
        let event = try ControlJSON.decode(EventLine.self, from: line)
        let facts = try ControlJSON.decode(Facts.self, from: line).fields
        var text = StyledLine(hasDate ? event.time : timeOfDay(event.time), .quiet)
        text.append(" ")
        text.append(event.level, paint(event.level))
        text.append(": \(event.message)")
        for fact in facts {
            text.append(" \(fact.name)=", .quiet)
            text.append(quoted("\(fact.value)"))
        }
        return text.text(style)
    }

    /// "18:53:46.123" out of "2026-11-22T18:53:46.123+0000".
    private static func timeOfDay(_ time: String) -> String {
        guard let start = time.firstIndex(of: "T") else { return time }
        return String(time[start...].dropFirst().prefix { $0 != "+" && $0 != "-" && $0 != "Z" })
    }

    private static func paint(_ level: String) -> Paint {
        switch EventLevel(rawValue: level) {
        case .debug: .quiet
        case .info: .good
        case .notice: .passing
        case .warning: .warning
        case .error, .critical: .bad
        case nil: .plain
        }
    }

    /// A value as it stands, or in double quotes when a blank or a quote in it would hide where it ends.
    private static func quoted(_ value: String) -> String {
        guard value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" }) else { return value }
        return "\"" + value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }

    /// Everything in an object but what every event has, by name.
    private struct Facts: Decodable {
        let fields: [EventField]

        private static let common: Set<String> = ["sequence", "time", "event", "level", "message"]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            fields = try container.allKeys
                .filter { !Self.common.contains($0.stringValue) }
                .sorted { $0.stringValue < $1.stringValue }
                .map { EventField($0.stringValue, try Self.value($0, in: container)) }
        }

        private static func value(
            _ key: Name,
            in container: KeyedDecodingContainer<Name>
        ) throws -> EventField.Value {
            if let flag = try? container.decode(Bool.self, forKey: key) { return .flag(flag) }
            if let number = try? container.decode(Int.self, forKey: key) { return .whole(number) }
            if let number = try? container.decode(Double.self, forKey: key) { return .decimal(number) }
            if let text = try? container.decode(String.self, forKey: key) { return .text(text) }
            // A later master may have kinds of values that this version does not know.
            return .text("?")
        }
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
