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
    /// Whether the flag has a value behind it; without one it means `yes`.
    package let takesValue: Bool
    /// Whether a flag can be repeated, and a variable holds several values with blanks between them.
    package let isList: Bool

    /// The words that can be given, if the setting is a choice among words.
    package let choices: [Choice]

    /// What it takes to apply a change of this setting to a master that runs.
    package private(set) var effect = ConfigurationChange.Effect.atOnce

    /// Reads one text, or for a list all of them: what was set before is replaced.
    let take: Take

    /// The texts that `take` would read this setting's value from; none where there is nothing to say.
    let texts: @Sendable (Configuration) -> [String]

    /// A word that can be given, and what it stands for unless the word says that.
    package struct Choice: Hashable, Sendable {
        package let word: String
        package let summary: String?
    }

    /// The flag with its dashes: `--queue-depth`.
    package var flag: String { "--\(name)" }

    /// The flag as a document shows it: `--queue-depth N`.
    package var synopsis: String { takesValue ? "\(flag) \(placeholder)" : flag }

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
        takesValue: Bool = true,
        isList: Bool = false,
        choices: [Choice] = [],
        help: String,
        texts: @escaping @Sendable (Configuration) -> [String],
        take: @escaping Take
    ) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
        self.expectation = expectation
        self.defaultText = defaultText
        self.hasFlag = hasFlag
        self.takesValue = takesValue
        self.isList = isList
        self.choices = choices
        self.texts = texts
        self.take = take
    }

    /// The same setting, with a change applied in another way than at once.
    func changed(by effect: ConfigurationChange.Effect) -> Setting {
        var setting = self
        setting.effect = effect
        return setting
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
