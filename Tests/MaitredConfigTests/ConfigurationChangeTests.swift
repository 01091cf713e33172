// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

@testable import MaitredConfig

/// A configuration in which no setting has the value that it has in `Configuration(processors: 3)`.
let everythingChanged: Configuration = {
    var configuration = Configuration(processors: 7)
    configuration.listen = [ListenSpecification(address: .unix(path: "/a b"), mode: 0o600)]
    configuration.command = ["/opt/a b", "it's", ""]
    configuration.workerNofile = 1_024
    configuration.workerUser = "www-data"
    configuration.maxRestarts = 3
    configuration.drainSignal = .abort
    configuration.stopSignal = .abort
    configuration.dumpSignal = nil
    configuration.strategy = .chosen(by: .random)
    configuration.queueDepth = 1
    configuration.maxConnections = 1
    configuration.maxMemory = nil
    configuration.memoryLimit = 1 << 30
    configuration.maxCPU = nil
    configuration.recycle = .memory
    configuration.maxAge = .seconds(3_600)
    configuration.maxRequests = 5
    configuration.stallTimeout = .seconds(1)
    // The same time as the default's, but for all workers.
    configuration.hangTimeout = .seconds(30)
    configuration.startTimeout = .seconds(1)
    configuration.minUptime = .zero
    configuration.restartDelay = .seconds(2)
    configuration.drainTimeout = .zero
    configuration.killTimeout = .zero
    configuration.spread = .seconds(1)
    configuration.control = .off
    configuration.controlGroup = "adm"
    configuration.name = "shop"
    configuration.logLevel = .debug
    configuration.statusInterval = .seconds(60)
    configuration.isOutputPrefixed = false
    configuration.usesPreload = false
    configuration.appPort = .any
    configuration.workerEnvironment = [EnvironmentVariable(name: "SECRET", value: "hunter2")]
    return configuration
}()

struct ConfigurationChangeTests {
    private let base = Configuration(processors: 3)

    private func lines(_ old: Configuration, _ new: Configuration) -> [String] {
        ConfigurationChange.changes(from: old, to: new).map(\.description)
    }

    @Test func `equal configurations have no changes`() {
        #expect(lines(base, base).isEmpty)
        #expect(lines(everythingChanged, everythingChanged).isEmpty)
    }

    @Test func `a change is a line with both values and what it takes`() {
        var new = base
        new.queueDepth = 32
        new.maxMemory = nil
        new.logLevel = .debug
        new.hangTimeout = .seconds(30)
        #expect(
            lines(base, new) == [
                "queue-depth: 16 to 32, applied by replacing the workers",
                "max-memory: 500MB to none, applied at once",
                "hang-timeout: auto to 30s, applied at once",
                "log-level: info to debug, needs a restart of maitred",
            ]
        )
    }

    @Test(arguments: [
        (Distribution.chosen(by: .random), Distribution.kernel), (.kernel, .chosen(by: .roundRobin)),
        (.kernel, .reuseport), (.reuseport, .kernel), (.reuseport, .chosen(by: .sourceHash)),
    ])
    func `who accepts changes only with another master`(_ before: Distribution, _ after: Distribution) {
        var (old, new) = (base, base)
        (old.strategy, new.strategy) = (before, after)
        new.queueDepth = 32
        #expect(
            lines(old, new) == [
                "strategy: \(before.rawValue) to \(after.rawValue), needs a restart of maitred",
                "queue-depth: 16 to 32, applied by replacing the workers",
            ]
        )
        let inForce = old.reloaded(with: new)
        #expect(inForce.strategy == before && inForce.queueDepth == 32)
    }

    @Test func `every setting and the environment can change`() {
        let changed = ConfigurationChange.changes(from: base, to: everythingChanged).map(\.setting)
        #expect(changed == Setting.all.map(\.name).filter { $0 != "config" } + ["environment"])
    }

    @Test func `values of the workers' variables are not told`() {
        let all = lines(base, everythingChanged)
        #expect(all.last == "environment: SECRET, applied by replacing the workers")
        #expect(!all.joined().contains("hunter2"))
    }

    @Test func `variables that came, went or changed are named, and order means nothing`() {
        func variables(_ pairs: [(String, String)]) -> Configuration {
            var configuration = base
            configuration.workerEnvironment = pairs.map { EnvironmentVariable(name: $0.0, value: $0.1) }
            return configuration
        }
        let old = variables([("A", "1"), ("B", "1"), ("C", "1")])
        #expect(lines(old, variables([("C", "1"), ("B", "1"), ("A", "1")])).isEmpty)
        let new = variables([("C", "2"), ("D", ""), ("A", "0"), ("A", "1")])
        #expect(lines(old, new) == ["environment: B C D, applied by replacing the workers"])
    }

    @Test func `a service that is named after its command changes its name with it`() {
        var old = base
        old.command = ["/opt/one"]
        var new = base
        new.command = ["/opt/two", "a b"]
        #expect(
            lines(old, new) == [
                "command: /opt/one to /opt/two 'a b', applied by replacing the workers",
                "name: one to two, needs a restart of maitred",
            ]
        )
    }

    @Test func `a change is one short printable line whatever is in it`() {
        for text in garbage {
            var new = base
            new.command = [text, text]
            new.control = .path(text)
            for line in lines(base, new) {
                #expect(line.count < 1_000)
                #expect(line.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
            }
        }
    }

    @Test func `after a reload only what needs a restart still differs`() {
        let inForce = base.reloaded(with: everythingChanged)
        #expect(ConfigurationChange.changes(from: base, to: inForce).allSatisfy { $0.effect != .restart })
        let missing = ConfigurationChange.changes(from: inForce, to: everythingChanged)
        #expect(missing.allSatisfy { $0.effect == .restart })
        let restarts = Setting.all.filter { $0.effect == .restart }.map(\.name)
        #expect(missing.map(\.setting) == restarts)
    }
}
