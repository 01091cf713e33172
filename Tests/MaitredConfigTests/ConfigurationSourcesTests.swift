// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct ConfigurationSourcesTests {
    private let sources = ConfigurationSources(
        flags: [RawSetting(.config, "/etc/web.conf"), RawSetting(.queueDepth, "3")],
        command: ["server"],
        environment: [EnvironmentVariable(name: "MAITRED_WORKERS", value: "2")]
    )

    @Test func `every time the file counts as it is then, and the other sources as they were`() throws {
        for (text, restarts) in [("MAITRED_MAX_RESTARTS=1\nMAITRED_WORKERS=9\nMAITRED_QUEUE_DEPTH=9", 1), ("", 10)] {
            var paths: [String] = []
            let configuration = try sources.resolve(processors: 1) { path throws(InvalidValue) in
                paths.append(path)
                return text
            }
            #expect(paths == ["/etc/web.conf"])
            #expect(configuration.maxRestarts == restarts)
            #expect(configuration.workers == 2)
            #expect(configuration.queueDepth == 3)
            #expect(configuration.command == ["server"])
        }
    }

    @Test func `a file that cannot be read is told with what named it`() {
        let refusal = line { () throws(ConfigurationError) in
            try sources.resolve(processors: 1) { _ throws(InvalidValue) in throw InvalidValue("No such file") }
        }
        #expect(refusal == "--config: cannot read /etc/web.conf: No such file")
    }

    @Test func `without a file nothing is read`() throws {
        let bare = ConfigurationSources(flags: [], command: ["a"], environment: [])
        let configuration = try bare.resolve(processors: 3) { _ throws(InvalidValue) in throw InvalidValue("read") }
        #expect(configuration.workers == 3)
    }
}
