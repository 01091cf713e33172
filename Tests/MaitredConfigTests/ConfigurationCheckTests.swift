// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct ConfigurationCheckTests {
    /// What `check()` says about a configuration after one change.
    private func refusal(_ change: (inout Configuration) -> Void) -> String? {
        var configuration = Configuration(listen: [], command: ["server"], workers: 4)
        change(&configuration)
        return line { () throws(ConfigurationError) in try configuration.check() }
    }

    @Test func `what the initialiser gives is right, and so is any value that a setting takes`() {
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0 = everythingChanged } == nil)
    }

    @Test func `a value out of range is told with its setting`() {
        #expect(refusal { $0.queueDepth = 65 } == "queue-depth: '65' is out of range: give a whole number from 1 to 64")
        #expect(refusal { $0.workers = 0 }?.hasPrefix("workers: '0' is out of range") == true)
        #expect(refusal { $0.maxMemory = -1 }?.hasPrefix("max-memory: '-1B' is out of range") == true)
        #expect(refusal { $0.maxCPU = 0 }?.hasPrefix("max-cpu: '0%' is out of range") == true)
        #expect(refusal { $0.maxCPU = -5 }?.hasPrefix("max-cpu: '-5%' is not a percentage") == true)
        #expect(refusal { $0.name = "a/b" }?.hasPrefix("name: 'a/b' is not a name") == true)
        #expect(refusal { $0.control = .path("a") }?.hasPrefix("control: 'a' names no socket") == true)
        #expect(refusal { $0.workerUser = "" }?.hasPrefix("worker-user: '' is not a user") == true)
        let address = ListenSpecification(address: .ipv4("1.2.3", port: 1))
        #expect(refusal { $0.listen = [address] }?.hasPrefix("listen: '1.2.3:1'") == true)
    }

    @Test(arguments: [Duration.seconds(-1), .seconds(Int64.max), .seconds(Int64.min), .microseconds(1)])
    func `a time of any size is refused and never traps`(_ time: Duration) {
        #expect(refusal { $0.startTimeout = time }?.hasPrefix("start-timeout: ") == true)
        #expect(refusal { $0.maxAge = time }?.hasPrefix("max-age: ") == true)
    }

    @Test func `what cannot be had where workers accept by themselves is refused`() {
        for strategy in [Distribution.kernel, .reuseport] {
            #expect(refusal { $0.strategy = strategy } == nil)
            #expect(
                refusal { ($0.strategy, $0.maxConnections) = (strategy, 1) }
                    == "strategy \(strategy.rawValue) cannot keep to max-connections, "
                    + "because workers accept by themselves: leave one out"
            )
        }
        let path = ListenSpecification(address: .unix(path: "/run/a.sock"))
        #expect(refusal { ($0.strategy, $0.listen) = (.kernel, [path]) } == nil)
        #expect(
            refusal { ($0.strategy, $0.listen) = (.reuseport, [path]) }
                == "strategy reuseport needs TCP addresses, and unix:/run/a.sock is none: "
                + "give strategy kernel, or another address"
        )
    }

    @Test func `a command that cannot be executed is refused`() {
        #expect(refusal { $0.command = [] }?.hasPrefix("no command: ") == true)
        #expect(refusal { $0.command = [""] }?.hasPrefix("the command is empty: ") == true)
        #expect(refusal { $0.command = ["a", "b\0c"] } == "the command's 'b\\u{0}c' contains a NUL: remove it")
    }

    @Test(arguments: [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")])
    func `a variable that no environment can hold is refused`(_ name: String, _ value: String) {
        let variable = EnvironmentVariable(name: name, value: value)
        #expect(refusal { $0.workerEnvironment = [variable] }?.hasPrefix("environment: ") == true)
    }

    @Test func `a worker without heartbeat is only bound by a hang timeout that was given`() {
        var configuration = Configuration(listen: [], command: ["server"], workers: 1)
        #expect(configuration.hangTimeout(hasHeartbeat: true) == .seconds(30))
        #expect(configuration.hangTimeout(hasHeartbeat: false) == nil)
        configuration.hangTimeout = .seconds(30)
        #expect(configuration.hangTimeout(hasHeartbeat: false) == .seconds(30))
        configuration.hangTimeout = .seconds(5)
        #expect(configuration.hangTimeout(hasHeartbeat: true) == .seconds(5))
    }
}
