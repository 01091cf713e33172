// SPDX-License-Identifier: Apache-2.0

// Kinds of settings: each knows how its values are read, written, and described.

/// A place in the configuration that a setting writes to.
typealias Field<Value> = any WritableKeyPath<Configuration, Value> & Sendable

/// Where the defaults are looked up; the number of processors is written as `auto`, not from here.
private let defaults = Configuration(processors: 1)

/// The word for a value that is left open.
private let none = "none"

extension Setting {
    /// A setting with a single value; `write` turns it into text, and `read` turns that into the value again.
    static func single<Value>(
        _ name: String,
        _ field: Field<Value>,
        placeholder: String,
        expectation: String,
        takesValue: Bool = true,
        choices: [Choice] = [],
        help: String,
        write: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) throws(InvalidValue) -> Value
    ) -> Setting {
        Setting(
            name,
            placeholder: placeholder,
            expectation: expectation,
            defaultText: write(defaults[keyPath: field]),
            takesValue: takesValue,
            choices: choices,
            help: help,
            texts: { [write($0[keyPath: field])] },
            take: { configuration, texts, _ throws(InvalidValue) in
                for text in texts {
                    configuration[keyPath: field] = try read(text)
                }
            }
        )
    }

    /// A single value that may be left open with a word.
    static func optional<Value>(
        _ name: String,
        _ field: Field<Value?>,
        placeholder: String,
        expectation: String,
        word: String = none,
        help: String,
        write: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) throws(InvalidValue) -> Value
    ) -> Setting {
        single(
            name,
            field,
            placeholder: "\(placeholder)|\(word)",
            expectation: expectation,
            help: help,
            write: { $0.map(write) ?? word },
            read: { text throws(InvalidValue) in text == word ? nil : try read(text) }
        )
    }

    /// A whole number.
    static func number(_ name: String, _ field: Field<Int>, in range: ClosedRange<Int>, help: String) -> Setting {
        single(
            name,
            field,
            placeholder: "N",
            expectation: wholeNumberExpectation(range),
            help: help,
            write: { "\($0)" },
            read: { text throws(InvalidValue) in try wholeNumber(text, in: range) }
        )
    }

    /// A whole number that may be left open with the word `none`.
    static func limit(_ name: String, _ field: Field<Int?>, in range: ClosedRange<Int>, help: String) -> Setting {
        optional(
            name,
            field,
            placeholder: "N",
            expectation: wholeNumberExpectation(range, orWord: none),
            help: help,
            write: { "\($0)" },
            read: { text throws(InvalidValue) in try wholeNumber(text, in: range, orWord: none) }
        )
    }

    /// A size in bytes that may be left open with the word `none`.
    static func sizeLimit(_ name: String, _ field: Field<Int?>, in range: ClosedRange<Int>, help: String) -> Setting {
        optional(
            name,
            field,
            placeholder: "SIZE",
            expectation: sizeExpectation(range, orWord: none),
            help: help,
            write: sizeText,
            read: { text throws(InvalidValue) in try size(text, in: range, orWord: none) }
        )
    }

    /// A percentage, with or without its sign, that may be left open with the word `none`.
    static func percentLimit(
        _ name: String,
        _ field: Field<Int?>,
        in range: ClosedRange<Int>,
        help: String
    )
        -> Setting
    {
        let expectation = "a whole number of percent from \(range.lowerBound)% to \(range.upperBound)%, or '\(none)'"
        return optional(
            name,
            field,
            placeholder: "PERCENT",
            expectation: expectation,
            help: help,
            write: { "\($0)%" },
            read: { text throws(InvalidValue) in
                let digits = text.last == "%" ? String(text.dropLast()) : text
                guard isDecimal(digits) else {
                    throw InvalidValue("\(quoted(text)) is not a percentage: give \(expectation)")
                }
                guard let percent = Int(digits), range.contains(percent) else {
                    throw InvalidValue("\(quoted(text)) is out of range: give \(expectation)")
                }
                return percent
            }
        )
    }

    /// A duration.
    static func time(
        _ name: String,
        _ field: Field<Duration>,
        in range: ClosedRange<Duration>,
        help: String
    )
        -> Setting
    {
        single(
            name,
            field,
            placeholder: "TIME",
            expectation: durationExpectation(range),
            help: help,
            write: durationText,
            read: { text throws(InvalidValue) in try duration(text, in: range) }
        )
    }

    /// A duration that may be left open with a word.
    static func timeLimit(
        _ name: String,
        _ field: Field<Duration?>,
        in range: ClosedRange<Duration>,
        orWord word: String,
        help: String
    )
        -> Setting
    {
        optional(
            name,
            field,
            placeholder: "TIME",
            expectation: durationExpectation(range, orWord: word),
            word: word,
            help: help,
            write: durationText,
            read: { text throws(InvalidValue) in try duration(text, in: range, orWord: word) }
        )
    }

    /// A duration that can be switched off with `off` or `0`.
    static func interval(
        _ name: String,
        _ field: Field<Duration>,
        in range: ClosedRange<Duration>,
        help: String
    )
        -> Setting
    {
        single(
            name,
            field,
            placeholder: "TIME|off",
            expectation: durationExpectation(range, orWord: "off"),
            help: help,
            write: { $0 == .zero ? "off" : durationText($0) },
            read: { text throws(InvalidValue) in
                text == "off" || text == "0" ? .zero : try duration(text, in: range, orWord: "off")
            }
        )
    }

    /// A signal that can be left out with the word `none`.
    static func optionalSignal(_ name: String, _ field: Field<SignalName?>, help: String) -> Setting {
        optional(
            name,
            field,
            placeholder: "SIGNAL",
            expectation: "a signal like TERM, SIGTERM or 15, or '\(none)'",
            help: help,
            write: { "\($0)" },
            read: { text throws(InvalidValue) in try SignalName(text) }
        )
    }

    /// The name of a user or a group; `kind` is the thing with its article.
    static func account(_ name: String, _ field: Field<String?>, kind: String, help: String) -> Setting {
        optional(
            name,
            field,
            placeholder: "NAME",
            expectation: "the name of \(kind), or '\(none)'",
            help: help,
            write: { $0 },
            read: { text throws(InvalidValue) in try accountName(text, kind) }
        )
    }

    /// One word of a list; `kind` is the thing that the words name, with its article, and `summary` explains a word.
    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String,
        _ field: Field<Value>,
        placeholder: String,
        kind: String,
        help: String,
        summary: (Value) -> String?
    ) -> Setting {
        let words = Value.allCases.map(\.rawValue)
        let expectation = "one of \(words.joined(separator: ", "))"
        return single(
            name,
            field,
            placeholder: placeholder,
            expectation: expectation,
            choices: Value.allCases.map { Choice(word: $0.rawValue, summary: summary($0)) },
            help: help,
            write: \.rawValue,
            read: { text throws(InvalidValue) in
                if let value = Value(rawValue: text) { return value }
                let suggestion = nearest(to: text, among: words).map { "did you mean '\($0)'?" }
                throw InvalidValue("\(quoted(text)) is not \(kind): \(suggestion ?? "give \(expectation)")")
            }
        )
    }
}
