// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MaitredConfig
import MaitredLoad
import MaitredSystem

/// How much load, and for how long.
struct LoadPaceOptions: ParsableArguments {
    @Option(
        help: .init(
            "Closed loop: so many connections, each sends when it has its answer. (default: 64, without --rate)",
            valueName: "N"
        )
    )
    var connections: String?

    @Option(help: .init("Open loop: so many requests a second, whatever the answers do.", valueName: "N"))
    var rate: String?

    @Option(help: .init("With --rate: constant or poisson. (default: constant)", valueName: "KIND"))
    var arrivals: String?

    @Option(help: .init("Open loop: so many requests at the same moment, again and again.", valueName: "N"))
    var burst: String?

    @Option(help: .init("With --burst: how often. (default: 1s)", valueName: "TIME"))
    var burstInterval: String?

    @Option(help: .init("Connections that are held all the time and say nothing.", valueName: "N"))
    var idle: String = "0"

    @Option(help: .init("Threads that send.", valueName: "N"))
    var threads: String = "1"

    @Option(help: .init("How long to measure.", valueName: "TIME"))
    var duration: String = "10s"

    @Option(help: .init("How long to send before that without counting.", valueName: "TIME"))
    var warmUp: String = "0"

    @Option(help: .init("In what time the load rises from nothing to all of it.", valueName: "TIME"))
    var ramp: String = "0"

    @Option(help: .init("When a request without its answer has failed.", valueName: "TIME"))
    var timeout: String = "10s"

    @Option(
        help: .init("Where random moments and paths begin: the same seed sends the same.", valueName: "N")
    )
    var seed: String = "1"

    /// The plan that these options ask for.
    func plan(for target: LoadTarget, requests: [LoadPlan.Request], _ other: LoadRequestOptions) throws -> LoadPlan {
        var plan = LoadPlan(
            addresses: [target.address],
            host: target.host,
            requests: requests,
            pace: try chosenPace(),
            duration: try time(duration, "--duration", from: .milliseconds(100))
        )
        plan.keepsAlive = other.keepAlive
        plan.headers = try other.checkedHeaders()
        plan.threads = try number(threads, "--threads", in: 1...256)
        plan.idle = try number(idle, "--idle", in: 0...1_000_000)
        plan.warmUp = try time(warmUp, "--warm-up", from: .zero)
        plan.ramp = try time(ramp, "--ramp", from: .zero)
        plan.timeout = try time(timeout, "--timeout", from: .milliseconds(1))
        plan.seed = UInt64(try number(seed, "--seed", in: 0...Int.max))
        if case .closed(let connections) = plan.pace { plan.threads = min(plan.threads, connections) }
        return plan
    }

    private func chosenPace() throws -> LoadPlan.Pace {
        guard [connections, rate, burst].count(where: { $0 != nil }) <= 1 else {
            throw ConfigurationError(
                origin: nil,
                problem: "--connections, --rate and --burst are different loads: give one of them"
            )
        }
        if arrivals != nil, rate == nil {
            throw ConfigurationError(origin: .flag("--arrivals"), problem: "needs --rate")
        }
        if burstInterval != nil, burst == nil {
            throw ConfigurationError(origin: .flag("--burst-interval"), problem: "needs --burst")
        }
        if let rate {
            return .open(perSecond: Double(try number(rate, "--rate", in: 1...10_000_000)), try chosenArrivals())
        }
        if let burst {
            let interval = try time(burstInterval ?? "1s", "--burst-interval", from: .milliseconds(1))
            return .bursts(of: try number(burst, "--burst", in: 1...1_000_000), every: interval)
        }
        return .closed(connections: try number(connections ?? "64", "--connections", in: 1...1_000_000))
    }

    private func chosenArrivals() throws -> LoadPlan.Arrivals {
        guard let arrivals else { return .constant }
        guard let chosen = LoadPlan.Arrivals(rawValue: arrivals) else {
            throw ConfigurationError(
                origin: .flag("--arrivals"),
                problem: "'\(arrivals)' is neither constant nor poisson"
            )
        }
        return chosen
    }
}

/// What is sent.
struct LoadRequestOptions: ParsableArguments {
    @Flag(help: "Send one request after another on a connection. (default: a new connection for each)")
    var keepAlive = false

    @Option(help: .init("Paths by weight instead of the URL's, as in '90:/,10:/work?ms=50'.", valueName: "MIX"))
    var mix: String?

    @Option(help: .init("A header line, as in 'Accept: text/html'; can be repeated.", valueName: "LINE"))
    var header: [String] = []

    @Option(help: .init("Connect to this Unix socket; the URL says what to ask for.", valueName: "PATH"))
    var unixSocket: String?

    /// What to ask for.
    func requests(default path: String) throws -> [LoadPlan.Request] {
        guard let mix else { return [LoadPlan.Request(path: path)] }
        do throws(LoadFailure) {
            return try LoadPlan.Request.mix(mix)
        } catch {
            throw ConfigurationError(origin: .flag("--mix"), problem: error.description)
        }
    }

    /// The header lines, each known to be one.
    func checkedHeaders() throws -> [String] {
        for line in header {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                line.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
            else {
                throw ConfigurationError(
                    origin: .flag("--header"),
                    problem: "\(quoted(line)) is no header line: give a name, a colon and a value, as in 'Accept: */*'"
                )
            }
        }
        return header
    }
}

/// Where figures go.
struct LoadOutputOptions: ParsableArguments {
    @Flag(help: "Print JSON (docs/BENCHMARKS.md).")
    var json = false

    @Option(help: .init("Write the latencies to a file as HdrHistogram's tools read them.", valueName: "FILE"))
    var hlog: String?

    /// Opens the file before anything is sent: what goes wrong with it costs no run.
    func openLog() throws -> NewFile? {
        try hlog.map { path throws(SystemError) in try NewFile(path) }
    }
}
