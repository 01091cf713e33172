// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

/// Texts that no parser may trap on; none of them is a value of any setting.
let garbage: [String] = [
    "", " ", "\u{0}", "a\u{0}b", "\n", "\r\n", "\u{1B}[31m", "-", "--", "=", ",", ",,,,", ":", "::", ":::::::::::",
    "[", "]", "[]", "[]:", "[:", "[::", "[::1", "[::1]", "[::1]:", "[::1]8080", "unix:", "unix:/", "unix://", "'", "\"",
    "\\", "'\"'", "\u{202E}abc", "\u{FEFF}", "1\u{301}", "१२", "٣", "½", "1e3", "0x10", "1_000", "+5", "-5", "--5",
    "1.",
    ".5", "1..2", "1.2.3", "s", "ms", ".s", "-.s", "nan", "inf", "%", "%s", "%n", "*", "*:", ":*", "/", "//", "..",
    String(repeating: "9", count: 30), "-" + String(repeating: "9", count: 30), String(repeating: "9", count: 30) + "h",
    "0." + String(repeating: "9", count: 30) + "s", String(repeating: "0", count: 100_000) + "x",
    String(repeating: "a", count: 100_000), String(repeating: ":", count: 100_000),
    String(repeating: ",", count: 100_000), String(repeating: "'", count: 99_999),
    "[" + String(repeating: ":", count: 100_000) + "]:1", "unix:/" + String(repeating: "a", count: 100_000),
    ":" + String(repeating: "9", count: 30), ":80,backlog=" + String(repeating: "9", count: 30),
    "unix:/a,mode=" + String(repeating: "7", count: 30), "👩‍👩‍👧‍👦", "\u{1F1E6}", "\u{E0001}",
]

/// What a parser says about a text, or `nil` if it takes it.
func problem<Value>(_ parse: () throws(InvalidValue) -> Value) -> String? {
    do {
        _ = try parse()
        return nil
    } catch {
        return error.problem
    }
}

/// The line that an operator would read, or `nil` if there is no error.
func line<Value>(_ resolve: () throws(ConfigurationError) -> Value) -> String? {
    do {
        _ = try resolve()
        return nil
    } catch {
        return error.description
    }
}

struct GarbageTests {
    /// Settings that take nearly every text: some of the garbage is a value of theirs.
    private static let open: Set<String> = ["config", "command", "name", "control-group", "worker-user"]

    @Test(arguments: Setting.all.filter { !open.contains($0.name) })
    func `garbage is refused in one printable line by every setting`(_ setting: Setting) {
        for text in garbage {
            var configuration = Configuration(processors: 2)
            let problem = problem { () throws(InvalidValue) in try setting.take(&configuration, [text], 2) }
            #expect(problem != nil, "\(setting.name) takes \(visible(text))")
            let isPrintable = (problem ?? "").unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            #expect(isPrintable, "\(setting.name), \(visible(text))")
            #expect((problem ?? "").count < 1_000, "\(setting.name), \(visible(text))")
        }
    }

    @Test(arguments: [Setting.name, .controlGroup, .workerUser])
    func `a name from garbage is plain ASCII or refused in one short line`(_ setting: Setting) {
        for text in garbage {
            var configuration = Configuration(processors: 2)
            let problem = problem { () throws(InvalidValue) in try setting.take(&configuration, [text], 2) }
            let line = problem ?? setting.texts(configuration)[0]
            #expect(line.utf8.count < 1_000, "\(setting.name), \(visible(text))")
            let isPlain = line.unicodeScalars.allSatisfy {
                problem == nil ? (33...126).contains($0.value) : $0.value > 31
            }
            #expect(isPlain, "\(setting.name), \(visible(text))")
        }
    }

    @Test func `a command of garbage gives a name that can be given`() throws {
        for text in garbage {
            var configuration = Configuration(processors: 2)
            configuration.command = [text]
            #expect(try serviceName(configuration.serviceName) == configuration.serviceName)
        }
    }

    @Test func `a garbage file or command is an error or a value and never traps`() {
        for text in garbage {
            _ = line { () throws(ConfigurationError) in try EnvironmentFile(text, name: "f") }
            _ = line { () throws(ConfigurationError) in try EnvironmentFile("KEY=" + text, name: "f") }
            _ = line { () throws(ConfigurationError) in try EnvironmentFile("KEY=\"" + text, name: "f") }
            _ = problem { () throws(InvalidValue) in try shellWords(text) }
        }
    }

    /// Every sequence of up to five special bytes, which covers every transition of both readers.
    @Test func `no short sequence of special characters traps the file reader or the word splitter`() {
        let special = ["'", "\"", "\\", "\n", "\r", " ", "=", "#", "a"]
        var texts = [""]
        for _ in 0..<5 {
            texts = texts.flatMap { text in special.map { text + $0 } }
            for text in texts {
                _ = line { () throws(ConfigurationError) in try EnvironmentFile("K=" + text, name: "f") }
                _ = problem { () throws(InvalidValue) in try shellWords(text) }
            }
        }
    }
}
