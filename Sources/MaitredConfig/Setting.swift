// SPDX-License-Identifier: Apache-2.0

/// One thing that can be set: its names, its documentation and its parser, for every source alike.
package struct Setting: Sendable {
    /// Checks texts and puts their value into a configuration; the number is that of the processors.
    typealias Take = @Sendable (inout Configuration, [String], Int) throws(InvalidValue) -> Void

    /// The name as in the flag, without dashes: `queue-depth`.
    package let name: String
    /// Stands for the value in the help: `N`.
    package let placeholder: String
    /// What the setting does, in one line without a full stop.
    package let help: String
    /// What may be given, as in "give a whole number from 1 to 64".
    package let expectation: String
    /// The default as it would be written, or a word such as `none`.
    package let defaultText: String
    /// Whether there is a flag; the command has none, because it stands behind `--`.
    package let hasFlag: Bool
    /// Whether a flag can be repeated, and a variable holds several values with blanks between them.
    package let isList: Bool

    /// The words that can be given, if the setting is a choice among words.
    package let choices: [Choice]

    /// Reads one text, or for a list all of them: what was set before is replaced.
    let take: Take

    /// A word that can be given, and what it stands for unless the word says that.
    package struct Choice: Hashable, Sendable {
        package let word: String
        package let summary: String?
    }

    /// The flag with its dashes: `--queue-depth`.
    package var flag: String { "--\(name)" }

    /// The variable: `MAITRED_QUEUE_DEPTH`.
    package var variable: String {
        Self.prefix + String(name.map { $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    /// How every variable of ours starts.
    package static let prefix = "MAITRED_"

    init(
        _ name: String,
        placeholder: String,
        expectation: String,
        defaultText: String,
        hasFlag: Bool = true,
        isList: Bool = false,
        choices: [Choice] = [],
        help: String,
        take: @escaping Take
    ) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
        self.expectation = expectation
        self.defaultText = defaultText
        self.hasFlag = hasFlag
        self.isList = isList
        self.choices = choices
        self.take = take
    }
}

/// A flag as it was given, before anything is checked.
package struct RawSetting: Sendable {
    package let setting: Setting
    package let text: String

    package init(_ setting: Setting, _ text: String) {
        self.setting = setting
        self.text = text
    }
}

// MARK: - Kinds of settings

/// A place in the configuration that a setting writes to.
typealias Field<Value> = any WritableKeyPath<Configuration, Value> & Sendable

/// Where the defaults are looked up; the number of processors is written as `auto`, not from here.
private let defaults = Configuration(processors: 1)

extension Setting {
    /// A setting with a single value; `read` turns its text into that value.
    static func single<Value>(
        _ name: String,
        _ field: Field<Value>,
        placeholder: String,
        expectation: String,
        defaultText: String,
        choices: [Choice] = [],
        help: String,
        read: @escaping @Sendable (String) throws(InvalidValue) -> Value
    ) -> Setting {
        Setting(
            name,
            placeholder: placeholder,
            expectation: expectation,
            defaultText: defaultText,
            choices: choices,
            help: help
        ) { configuration, texts, _ throws(InvalidValue) in
            for text in texts {
                configuration[keyPath: field] = try read(text)
            }
        }
    }

    static func number(_ name: String, _ field: Field<Int>, in range: ClosedRange<Int>, help: String) -> Setting {
        single(
            name,
            field,
            placeholder: "N",
            expectation: wholeNumberExpectation(range),
            defaultText: "\(defaults[keyPath: field])",
            help: help
        ) { text throws(InvalidValue) in
            try wholeNumber(text, in: range)
        }
    }

    /// A number that may be left open with the word `none`.
    static func limit(_ name: String, _ field: Field<Int?>, in range: ClosedRange<Int>, help: String) -> Setting {
        single(
            name,
            field,
            placeholder: "N|none",
            expectation: wholeNumberExpectation(range, orWord: "none"),
            defaultText: defaults[keyPath: field].map { "\($0)" } ?? "none",
            help: help
        ) { text throws(InvalidValue) in
            text == "none" ? nil : try wholeNumber(text, in: range, orWord: "none")
        }
    }

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
            defaultText: durationText(defaults[keyPath: field]),
            help: help
        ) { text throws(InvalidValue) in
            try duration(text, in: range)
        }
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
        let preset = defaults[keyPath: field]
        return single(
            name,
            field,
            placeholder: "TIME|off",
            expectation: durationExpectation(range, orWord: "off"),
            defaultText: preset == .zero ? "off" : durationText(preset),
            help: help
        ) { text throws(InvalidValue) in
            text == "off" || text == "0" ? .zero : try duration(text, in: range, orWord: "off")
        }
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
            defaultText: defaults[keyPath: field].rawValue,
            choices: Value.allCases.map { Choice(word: $0.rawValue, summary: summary($0)) },
            help: help
        ) { text throws(InvalidValue) in
            if let value = Value(rawValue: text) { return value }
            let suggestion = nearest(to: text, among: words).map { "did you mean '\($0)'?" }
            throw InvalidValue("\(quoted(text)) is not \(kind): \(suggestion ?? "give \(expectation)")")
        }
    }
}
