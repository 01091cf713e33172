// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials

/// Lines of the control protocol: JSON objects without a newline in them.
package enum ControlJSON {
    /// One line, without the newline that ends it.
    package static func line(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoded(value, encoder)
    }

    /// Several lines for a person, without the newline that ends the last.
    package static func text(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoded(value, encoder)
    }

    private static func encoded(_ value: some Encodable, _ encoder: JSONEncoder) -> [UInt8] {
        // Numbers that JSON has no words for; none of ours should be one.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("a type of the control protocol cannot be written as JSON")
        }
        return Array(data)
    }

    /// A value from one line.
    ///
    /// - Throws: `ControlError.malformed` with the problem in words.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from line: [UInt8]
    ) throws(ControlError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(line))
        } catch let error as DecodingError {
            throw .malformed(error.words)
        } catch {
            throw .malformed("not JSON")
        }
    }
}

/// What is wrong with a line of the control protocol.
package enum ControlError: Error, Equatable, CustomStringConvertible {
    /// It cannot be read.
    case malformed(String)

    package var description: String {
        switch self {
        case .malformed(let problem): problem
        }
    }
}

extension DecodingError {
    fileprivate var words: String {
        switch self {
        case .keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' has a value of another type"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' has a value that is not known"
        case .dataCorrupted: "not a JSON object"
        @unknown default: "not understood"
        }
    }
}
