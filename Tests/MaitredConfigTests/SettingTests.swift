// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredBalance
import Testing

@testable import MaitredConfig

extension Setting: CustomTestStringConvertible {
    public var testDescription: String { name }
}

struct SettingTests {
    /// The text of a file in the repository.
    private func document(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try #require(fopen("\(root)/docs/\(path)", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    @Test func `names are unique and derived from one another`() {
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
        #expect(Setting.queueDepth.flag == "--queue-depth")
        #expect(Setting.queueDepth.variable == "MAITRED_QUEUE_DEPTH")
    }

    @Test(arguments: Setting.all.filter { $0.hasFlag && !["listen", "config", "name"].contains($0.name) })
    func `the default that is shown can be written and changes nothing`(_ setting: Setting) throws {
        var configuration = Configuration(processors: 3)
        try setting.take(&configuration, [setting.defaultText], 3)
        #expect(configuration == Configuration(processors: 3))
    }

    @Test(arguments: Setting.all)
    func `the texts of a setting read back as the same value`(_ setting: Setting) throws {
        for configuration in [Configuration(processors: 3), everythingChanged] {
            var copy = Configuration(processors: 3)
            try setting.take(&copy, setting.texts(configuration), 3)
            #expect(setting.texts(copy) == setting.texts(configuration))
        }
    }

    @Test(arguments: Setting.all.filter { $0.name != "config" })
    func `every setting is different once everything is changed`(_ setting: Setting) {
        #expect(setting.texts(everythingChanged) != setting.texts(Configuration(processors: 3)))
    }

    @Test(arguments: Setting.all)
    func `the reference has a section with names, values and default`(_ setting: Setting) throws {
        let reference = try document("CONFIGURATION.md")
        let flag = setting.hasFlag ? "`\(setting.synopsis)`" : "the words after `--`"
        let reload = setting.name == "config" ? "" : "- on reload: \(setting.effect)\n"
        let section = """
            ### \(setting.name)

            - flag: \(flag)
            - variable: `\(setting.variable)`
            - value: \(setting.expectation)
            - default: `\(setting.defaultText)`
            \(reload)
            """
        #expect(reference.contains(section), "CONFIGURATION.md lacks this section:\n\(section)")
    }

    @Test(arguments: Setting.all.filter(\.hasFlag))
    func `the manual page has the flag, the default and the variable`(_ setting: Setting) throws {
        let page = try document("man/maitred.8").split(separator: "\\-", omittingEmptySubsequences: false)
            .joined(separator: "-")
        #expect(page.contains(" \(setting.flag)\(setting.takesValue ? " " : "\n")"))
        #expect(page.contains("Default: \(setting.defaultText); \(setting.variable)"))
    }

    @Test func `every reason to recycle and every effect of a reload is in the reference`() throws {
        let reference = try document("CONFIGURATION.md")
        for policy in RecyclePolicy.allCases {
            #expect(reference.contains("| `\(policy.rawValue)` | \(policy.summary) |"))
        }
        for effect in ConfigurationChange.Effect.allCases {
            #expect(reference.contains("\n| \(effect) |"))
        }
    }

    @Test(arguments: Distribution.allCases)
    func `every strategy is in the reference and in the manual page`(_ strategy: Distribution) throws {
        #expect(try document("CONFIGURATION.md").contains("| `\(strategy.rawValue)` | \(strategy.summary) |"))
        #expect(try document("man/maitred.8").contains("\n\(strategy.summary)\n"))
    }
}
