// SPDX-License-Identifier: Apache-2.0

/// One fact of an event: a name and a value, the same in the log, on the control socket and for an observer.
public struct EventField: Sendable, Equatable {
    /// In camelCase, as in JSON.
    public let name: String

    /// What it is.
    public let value: Value

    /// The kinds of values; memory is in bytes, a time in seconds.
    public enum Value: Sendable, Equatable {
        case text(String)
        case whole(Int)
        case decimal(Double)
        case flag(Bool)
    }

    /// Groups a name and a value.
    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    static func text(_ name: String, _ text: String) -> Self { Self(name, .text(text)) }
    static func whole(_ name: String, _ number: Int) -> Self { Self(name, .whole(number)) }
    static func seconds(_ name: String, _ duration: Duration) -> Self { Self(name, .decimal(duration.seconds)) }
}

extension EventField.Value: CustomStringConvertible {
    /// As in a log line: a decimal with at most three places.
    public var description: String {
        switch self {
        case .text(let text): text
        case .whole(let number): "\(number)"
        case .decimal(let number): "\((number * 1000).rounded() / 1000)"
        case .flag(let flag): "\(flag)"
        }
    }
}

extension EventField.Value: Encodable {
    /// As a JSON string, number or boolean.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .whole(let number): try container.encode(number)
        case .decimal(let number): try container.encode(number)
        case .flag(let flag): try container.encode(flag)
        }
    }
}

extension Duration {
    /// The whole duration in seconds, for reports.
    package var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
