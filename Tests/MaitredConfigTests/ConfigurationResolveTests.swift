// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

@testable import MaitredConfig

/// Resolving, with as little as a case needs.
private func resolve(
    _ flags: [(Setting, String)] = [],
    command: [String] = ["server"],
    environment: [String: String] = [:],
    file: String? = nil,
    processors: Int = 4
) throws(ConfigurationError) -> Configuration {
    try .resolve(
        flags: flags.map { RawSetting($0.0, $0.1) },
        command: command,
        environment: environment.map { EnvironmentVariable(name: $0.key, value: $0.value) },
        file: file.map { ("/etc/m.conf", $0) },
        processors: processors
    )
}

/// The error of resolving.
private func refusal(
    _ flags: [(Setting, String)] = [],
    command: [String] = ["server"],
    environment: [String: String] = [:],
    file: String? = nil
) -> String? {
    line { () throws(ConfigurationError) in
        try resolve(flags, command: command, environment: environment, file: file)
    }
}

struct ConfigurationResolveTests {
    @Test func `nothing but a command gives the defaults`() throws {
        let configuration = try resolve()
        #expect(configuration.listen.isEmpty)
        #expect(configuration.workers == 4)
        #expect(configuration.command == ["server"])
        #expect(configuration.workerEnvironment.isEmpty)
        #expect(configuration.workerNofile == nil)
        #expect(configuration.strategy == .chosen(by: .roundRobin))
        #expect(configuration.queueDepth == 16)
        #expect(configuration.maxConnections == nil)
        #expect(configuration.stallTimeout == .milliseconds(100))
        #expect(configuration.startTimeout == .seconds(30))
        #expect(configuration.minUptime == .seconds(1))
        #expect(configuration.restartDelay == .seconds(1))
        #expect(configuration.maxRestarts == 10)
        #expect(configuration.drainTimeout == .seconds(10))
        #expect(configuration.killTimeout == .seconds(10))
        #expect(configuration.stopSignal == .terminate)
        #expect(configuration.drainSignal == nil)
        #expect(configuration.dumpSignal == .abort)
        #expect(configuration.hangTimeout == nil)
        #expect(configuration.maxMemory == 500_000_000)
        #expect(configuration.memoryLimit == nil)
        #expect(configuration.maxCPU == 80)
        #expect(configuration.recycle == .never)
        #expect(configuration.maxAge == nil)
        #expect(configuration.maxRequests == nil)
        #expect(configuration.spread == .zero)
        #expect(configuration.control == .automatic)
        #expect(configuration.controlGroup == nil)
        #expect(configuration.name == nil)
        #expect(configuration.isOutputPrefixed)
        #expect(configuration.workerUser == nil)
        #expect(configuration.logLevel == .info)
        #expect(configuration.statusInterval == .zero)
    }

    @Test func `every setting reaches its field`() throws {
        var expected = Configuration(processors: 4)
        expected.listen = [ListenSpecification(address: .ipv4("0.0.0.0", port: 80))]
        expected.workers = 7
        expected.command = ["a", "b c"]
        expected.workerNofile = 1_024
        expected.strategy = .chosen(by: .leastMemory)
        expected.queueDepth = 64
        expected.maxConnections = 1
        expected.stallTimeout = .seconds(5)
        expected.startTimeout = .seconds(60)
        expected.minUptime = .zero
        expected.restartDelay = .milliseconds(10)
        expected.maxRestarts = 1
        expected.drainTimeout = .seconds(90)
        expected.killTimeout = .milliseconds(1_500)
        expected.stopSignal = try SignalName("INT")
        expected.drainSignal = try SignalName("QUIT")
        expected.logLevel = .trace
        expected.statusInterval = .seconds(60)
        expected.dumpSignal = nil
        expected.hangTimeout = .seconds(30)
        expected.maxMemory = 512 << 20
        expected.memoryLimit = 1_500_000_000
        expected.maxCPU = 250
        expected.recycle = .memory
        expected.maxAge = .seconds(86_400)
        expected.maxRequests = 1_000
        expected.spread = .seconds(2)
        expected.control = .path("/run/web.control")
        expected.controlGroup = "adm"
        expected.name = "shop-api"
        expected.isOutputPrefixed = false
        expected.usesPreload = false
        expected.appPort = .port(3_000)
        expected.workerUser = "www-data"
        let texts = [
            "dump-signal": "none", "hang-timeout": "30s", "max-memory": "512M", "memory-limit": "1.5GB",
            "max-cpu": "250%", "recycle": "memory", "max-age": "24h", "max-requests": "1000", "spread": "2s",
            "control": "/run/web.control", "control-group": "adm", "name": "shop-api", "no-prefix": "yes",
            "no-preload": "yes", "app-port": "3000",
            "worker-user": "www-data",
            "listen": ":80", "workers": "7", "command": "a 'b c'", "worker-nofile": "1024", "strategy": "least-memory",
            "queue-depth": "64", "max-connections": "1", "stall-timeout": "5s", "start-timeout": "1m",
            "min-uptime": "0", "restart-delay": "10ms", "max-restarts": "1", "drain-timeout": "90s",
            "kill-timeout": "1.5s", "stop-signal": "2", "drain-signal": "SIGQUIT", "log-level": "trace",
            "status-interval": "1m", "config": "/x",
        ]
        #expect(Set(texts.keys) == Set(Setting.all.map(\.name)))
        let settings = Setting.all.filter { $0.name != "config" }
        let variables = Dictionary(uniqueKeysWithValues: settings.map { ($0.variable, texts[$0.name]!) })
        let file = variables.map { "\($0.key)=\($0.value)\n" }.joined()
        let flags = settings.filter(\.hasFlag).map { ($0, texts[$0.name]!) }
        #expect(try resolve(command: [], environment: variables) == expected)
        #expect(try resolve(command: [], file: file) == expected)
        #expect(try resolve(flags, command: ["a", "b c"]) == expected)
    }

    @Test func `flags win over the environment and the environment over the file`() throws {
        let file = "MAITRED_QUEUE_DEPTH=1\nMAITRED_WORKERS=1\nMAITRED_MAX_RESTARTS=1\nMAITRED_COMMAND=from file\n"
        let environment = ["MAITRED_QUEUE_DEPTH": "2", "MAITRED_WORKERS": "2", "MAITRED_COMMAND": "from environment"]
        let configuration = try resolve([(.queueDepth, "3")], command: [], environment: environment, file: file)
        #expect(configuration.queueDepth == 3)
        #expect(configuration.workers == 2)
        #expect(configuration.maxRestarts == 1)
        #expect(configuration.command == ["from", "environment"])
        #expect(try resolve(command: ["own"], environment: environment, file: file).command == ["own"])
    }

    @Test func `the last of repeated flags counts and lists are collected`() throws {
        let flags: [(Setting, String)] = [(.workers, "3"), (.listen, ":1"), (.workers, "5"), (.listen, ":2")]
        let configuration = try resolve(flags, environment: ["MAITRED_LISTEN": ":8 :9"])
        #expect(configuration.workers == 5)
        #expect(configuration.listen.map(\.description) == ["0.0.0.0:1", "0.0.0.0:2"])
    }

    @Test func `a variable holds several addresses with any blanks between them`() throws {
        let configuration = try resolve(environment: ["MAITRED_LISTEN": "  :1,nodelay\t[::]:1\n unix:/a "])
        #expect(configuration.listen.map(\.description) == ["0.0.0.0:1,nodelay", "[::]:1", "unix:/a"])
    }

    @Test func `an empty variable counts as not set`() throws {
        let variables = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.variable, "") })
        #expect(try resolve(environment: variables) == resolve())
        let file = "MAITRED_WORKERS=\nMAITRED_QUEUE_DEPTH=5\nMAITRED_QUEUE_DEPTH=\n"
        #expect(try resolve(file: file) == resolve())
        #expect(try resolve(environment: ["MAITRED_WORKERS": ""], file: "MAITRED_WORKERS=9").workers == 9)
    }

    @Test(arguments: [(-1, 1), (0, 1), (1, 1), (12, 12), (100_000, 512)])
    func `auto is one worker per processor within the range`(_ processors: Int, _ workers: Int) throws {
        #expect(try resolve(processors: processors).workers == workers)
        #expect(try resolve([(.workers, "auto")], file: "MAITRED_WORKERS=3", processors: processors).workers == workers)
    }

    @Test func `words switch limits and intervals off again`() throws {
        let file = "MAITRED_MAX_CONNECTIONS=5\nMAITRED_WORKER_NOFILE=99\nMAITRED_DRAIN_SIGNAL=HUP\n"
        let flags: [(Setting, String)] = [(.maxConnections, "none"), (.workerNofile, "none"), (.drainSignal, "none")]
        #expect(try resolve(flags, file: file) == resolve())
        let newer = "MAITRED_MAX_AGE=1h\nMAITRED_NO_PREFIX=yes\nMAITRED_HANG_TIMEOUT=5s\nMAITRED_CONTROL=none\n"
        let back: [(Setting, String)] = [
            (.maxAge, "none"), (.noPrefix, "no"), (.hangTimeout, "auto"), (.control, "auto"),
        ]
        #expect(try resolve(back, file: newer) == resolve())
        for word in ["off", "0"] {
            let environment = ["MAITRED_STATUS_INTERVAL": word]
            #expect(try resolve(environment: environment, file: "MAITRED_STATUS_INTERVAL=5s") == resolve())
        }
    }

    @Test(
        arguments: [
            (.queueDepth, "900", "'900' is out of range: give a whole number from 1 to 64"),
            (.workers, "many", "'many' is not a whole number: give a whole number from 1 to 512, or 'auto'"),
            (.maxConnections, "0", "'0' is out of range: give a whole number from 1 to 1000000, or 'none'"),
            (
                .strategy, "leest-connections",
                "'leest-connections' is not a strategy: did you mean 'least-connections'?"
            ),
            (
                .logLevel, "warn",
                "'warn' is not a log level: give one of trace, debug, info, notice, warning, error, critical"
            ),
            (.logLevel, "INFO", "'INFO' is not a log level: did you mean 'info'?"),
            (.stallTimeout, "10", "'10' has no unit: add one of us, ms, s, m, h, as in 10s"),
            (.statusInterval, "10ms", "'10ms' is out of range: give a duration from 1s to 24h, or 'off'"),
            (.listen, "localhost", "'localhost' has no port: add one, as in 'localhost:8080'"),
            (.maxMemory, "500", "'500' has no unit: add one, as in 500MB"),
            (.memoryLimit, "1KB", "'1KB' is out of range: give a size from 1MB to 16TB, or 'none'"),
            (
                .maxCPU, "0",
                "'0' is out of range: give a whole number of percent from 1% to 10000%, or 'none'"
            ),
            (
                .maxCPU, "half",
                "'half' is not a percentage: give a whole number of percent from 1% to 10000%, or 'none'"
            ),
            (.recycle, "memroy", "'memroy' is not a threshold: did you mean 'memory'?"),
            (.hangTimeout, "10ms", "'10ms' is out of range: give a duration from 100ms to 24h, or 'auto'"),
            (
                .control, "web.sock",
                "'web.sock' names no socket: give an absolute path, as in /run/web.control, or 'auto' or 'none'"
            ),
            (.name, "a/b", "'a/b' is not a name: give 1 to 64 letters, digits or . _ -, the first a letter or digit"),
            (.workerUser, "a b", "'a b' is not a user: give the name of one, or 'none'"),
            (.controlGroup, "-x", "'-x' is not a group: give the name of one, or 'none'"),
            (.noPrefix, "true", "'true' is neither yes nor no: give 'yes' or 'no'"),
            (.drainSignal, "KILL", "'KILL' cannot be handled by a program: give a signal like TERM, INT or QUIT"),
        ] as [(Setting, String, String)]
    )
    func `an error says where, what, and what would be right`(_ setting: Setting, _ text: String, _ problem: String) {
        #expect(refusal([(setting, text)]) == "\(setting.flag): \(problem)")
        #expect(refusal(environment: [setting.variable: text]) == "\(setting.variable): \(problem)")
        let place = "/etc/m.conf:2: \(setting.variable)"
        #expect(refusal(file: "# first\n\(setting.variable)=\(text)\n") == "\(place): \(problem)")
    }

    @Test func `a mistake is found even if a stronger source overrides it`() {
        #expect(
            refusal([(.workers, "1")], environment: ["MAITRED_WORKERS": "x"])?.hasPrefix("MAITRED_WORKERS: ") == true
        )
    }

    @Test func `the same address twice is an error of its source`() {
        #expect(refusal([(.listen, ":1"), (.listen, "1")]) == "--listen: '0.0.0.0:1' is given twice: leave one out")
    }

    @Test(arguments: [[], [""], ["", "a"]])
    func `there must be a command`(_ command: [String]) {
        let expected =
            command.isEmpty
            ? "no command: give it after '--', as in 'maitred serve --listen :8080 -- ./server'"
            : "the command is empty: give a program after '--'"
        #expect(refusal(command: command) == expected)
    }

    @Test func `words of the command are taken untouched`() throws {
        let words = ["x", "--workers", "9", "--", "a b", "", "'", "$HOME"]
        #expect(try resolve(command: words).command == words)
    }

    @Test func `a command in a variable with an open quote is an error`() {
        let expected = "MAITRED_COMMAND: has a single quote that is not closed: close it, or write \\' for the sign"
        #expect(refusal(command: [], environment: ["MAITRED_COMMAND": "a 'b"]) == expected)
        #expect(refusal(command: [], environment: ["MAITRED_COMMAND": "  "])?.hasPrefix("no command") == true)
    }

    @Test func `other keys of the file are variables for the workers and the later line counts`() throws {
        let file = "B=1\nMAITRED_WORKERS=1\nA='x y'\nB=2\nMAITRED_WORKERS=2\nEMPTY=\n"
        let configuration = try resolve(file: file)
        let expected = [("A", "x y"), ("B", "2"), ("EMPTY", "")].map { EnvironmentVariable(name: $0.0, value: $0.1) }
        #expect(configuration.workerEnvironment == expected)
        #expect(configuration.workers == 2)
    }

    @Test(arguments: [
        ("MAITRED_QUEU_DEPTH=1", "MAITRED_QUEU_DEPTH is not a setting: did you mean MAITRED_QUEUE_DEPTH?"),
        ("MAITRED_QUEUE=1", "MAITRED_QUEUE is not a setting: did you mean MAITRED_QUEUE_DEPTH?"),
        ("MAITRED_FOO=1", "MAITRED_FOO is not a setting: 'maitred serve --help' lists them"),
        ("maitred_workers=1", "maitred_workers is not a setting: did you mean MAITRED_WORKERS?"),
        ("MAITRED_SOMETHING_ELSE=1", "MAITRED_SOMETHING_ELSE is not a setting: 'maitred serve --help' lists them"),
        ("MAITRED_=1", "MAITRED_ is not a setting: 'maitred serve --help' lists them"),
        ("MAITRED_CONFIG=/a", "MAITRED_CONFIG cannot stand in the file that it names: leave it out"),
        ("MAITRED_WORKER_ID=1", "MAITRED_WORKER_ID is set by maitred for each worker: leave it out"),
    ])
    func `a key of the file that looks like a setting must be one`(_ text: String, _ problem: String) {
        #expect(refusal(file: "\n\n\(text)\n") == "/etc/m.conf:3: \(problem)")
    }

    @Test func `unknown variables of the environment are ignored`() throws {
        let environment = [
            "MAITRED_WORKER_ID": "1", "MAITRED_HANDOFF_FDS": "0:3:7", "MAITRED_QUEU_DEPTH": "1", "PATH": "/bin",
        ]
        #expect(try resolve(environment: environment) == resolve())
    }

    @Test func `the file is named by the flag or else by the variable`() throws {
        let environment = [EnvironmentVariable(name: "MAITRED_CONFIG", value: "/env")]
        let flags = [RawSetting(.config, "/first"), RawSetting(.workers, "x"), RawSetting(.config, "/last")]
        let byFlag = try #require(Configuration.file(flags: flags, environment: environment))
        #expect(byFlag.path == "/last")
        #expect(byFlag.origin == .flag("--config"))
        let byVariable = try #require(Configuration.file(flags: [], environment: environment))
        #expect(byVariable.path == "/env")
        #expect(byVariable.origin == .variable("MAITRED_CONFIG"))
        #expect(Configuration.file(flags: [], environment: []) == nil)
    }

    @Test func `the first of equal variables counts, as for getenv`() throws {
        let environment = [("MAITRED_WORKERS", "2"), ("MAITRED_WORKERS", "3")]
        let configuration = try Configuration.resolve(
            flags: [],
            command: ["a"],
            environment: environment.map { EnvironmentVariable(name: $0.0, value: $0.1) },
            file: nil,
            processors: 1
        )
        #expect(configuration.workers == 2)
    }
}
