// SPDX-License-Identifier: Apache-2.0

/// An event with its place in the master's history: one line of `maitred events --json`.
public struct EventRecord: Sendable, Equatable {
    /// Counts the events of this master, from 1.
    public let sequence: Int

    /// Local time of day in ISO 8601, with milliseconds.
    public let time: String

    /// What happened.
    public let event: Event

    /// Groups the three.
    public init(sequence: Int, time: String, event: Event) {
        self.sequence = sequence
        self.time = time
        self.event = event
    }
}

extension EventRecord: Encodable {
    /// A flat object: `sequence`, `time`, `event`, `level`, `message`, and the fields of the event.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: FieldKey.self)
        try container.encode(sequence, forKey: FieldKey("sequence"))
        try container.encode(time, forKey: FieldKey("time"))
        try container.encode(event.name, forKey: FieldKey("event"))
        try container.encode(event.level.rawValue, forKey: FieldKey("level"))
        try container.encode(event.message, forKey: FieldKey("message"))
        for field in event.fields { try container.encode(field.value, forKey: FieldKey(field.name)) }
    }
}

/// What a reader of the stream needs of an event: the rest is printed as it came.
public struct EventLine: Decodable, Sendable {
    /// As in `EventRecord`.
    public let sequence: Int
    /// As in `EventRecord`.
    public let time: String
    /// The event's name.
    public let event: String
    /// One of `EventLevel`, or one that a later master has.
    public let level: String
    /// One sentence.
    public let message: String
}

private struct FieldKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
