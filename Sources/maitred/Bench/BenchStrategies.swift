// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredBalance
import MaitredBench
import MaitredConfig
import MaitredControl
import MaitredLoad
import MaitredSystem

/// `maitred bench strategies`: each strategy under each regime, side by side.
struct BenchStrategies: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strategies",
        abstract: "Compare the strategies under five kinds of load.",
        usage: "maitred bench strategies [<options>] [-- <command> [<argument> ...]]",
        discussion: """
            Starts a master with each strategy in turn, puts it under load, and says what clients would have seen, which \
            strategy suits which load, and by how much:

              maitred bench strategies --html strategies.html

            A first impression in a minute, of two regimes:

              maitred bench strategies --rounds 1 --duration 3s --regimes stall,burst

            The regimes: short (cheap requests), stall (a worker stands still now and then), long (held connections, \
            all workers replaced in the middle), heterogeneous (one of 100 requests costs 100 times as much), burst \
            (many at the same moment). Ctrl-C ends it early and shows what is complete. Strategies take turns within a round, so that a noisy machine disturbs each. The \
            command must answer the paths of maitred-demo, which it is by default.
            """
    )

    @Option(help: .init("Workers of each master.", valueName: "N"))
    var workers: String = "4"

    @Option(help: .init("How often each is run; figures are medians.", valueName: "N"))
    var rounds: String = "3"

    @Option(help: .init("How long each run is, heterogeneous three times that.", valueName: "TIME"))
    var duration: String = "5s"

    @Option(help: .init("Names with commas between them. (default: all)", valueName: "NAMES"))
    var strategies: String?

    @Option(help: .init("Names with commas between them. (default: all)", valueName: "NAMES"))
    var regimes: String?

    @Option(help: .init("Write a report with plots to a file: one page, to be opened in a browser.", valueName: "FILE"))
    var html: String?

    @Flag(help: "Print JSON (docs/BENCHMARKS.md).")
    var json = false

    @Argument(
        parsing: .postTerminator,
        help: .init("The worker. (default: the maitred-demo beside this program)", valueName: "COMMAND")
    )
    var command: [String] = []

    func run() throws {
        try DescriptorLimit.current().raiseToHard()
        let setup = try setup()
        let file = try html.map { path throws(SystemError) in try NewFile(path) }
        let outcome = try setup.run()
        let report = StrategyReport(conditions: setup.conditions, regimes: outcome.results)
        if let remark = outcome.remark { StandardError.write("maitred: \(remark)\n") }
        if outcome.isInterrupted, report.regimes.isEmpty { throw ExitCode(128 + SIGINT) }
        try file?.write(HTMLReport.text(report))
        if json {
            try StandardOutput.write(ControlJSON.text(report) + [UInt8(ascii: "\n")])
        } else {
            try StandardOutput.write(StrategyText.text(report))
        }
        if outcome.isInterrupted { throw ExitCode(128 + SIGINT) }
    }

    private func setup() throws -> StrategySetup {
        let workers = try number(workers, "--workers", in: 1...64)
        let known = Regime.all(workers: workers)
        let chosen = try chosen(regimes, "--regimes", of: known.map { $0.name })
        return StrategySetup(
            strategies: try self.chosen(strategies, "--strategies", of: Distribution.allCases.map { $0.rawValue }),
            regimes: known.filter { chosen.contains($0.name) },
            workers: workers,
            rounds: try number(rounds, "--rounds", in: 1...100),
            seconds: try time(duration, "--duration", from: .seconds(1)) / .seconds(1),
            command: try command.isEmpty ? [Self.demo()] : command
        )
    }

    /// The names that a list has, or all.
    private func chosen(_ list: String?, _ flag: String, of known: [String]) throws -> [String] {
        guard let list else { return known }
        let names = list.split(separator: ",").map(String.init)
        guard !names.isEmpty, let wrong = names.first(where: { !known.contains($0) }) ?? (names.isEmpty ? "" : nil)
        else {
            return names
        }
        let advice = "choose from \(known.joined(separator: ", "))"
        throw ConfigurationError(origin: .flag(flag), problem: "\(quoted(wrong)) is not known: \(advice)")
    }

    /// The demo server that was installed or built with this program.
    private static func demo() throws -> String {
        let own = try ProcessFiles.executable()
        let path = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let demo = "\(path)/maitred-demo"
        guard Executable.examine(demo) == .runnable else {
            throw CommandFailure.refused("\(demo) is not there: name a worker behind '--'")
        }
        return demo
    }
}

/// What is to be compared, and how.
struct StrategySetup {
    /// Values of `--strategy`.
    let strategies: [String]
    /// The loads.
    let regimes: [Regime]
    /// Of each master.
    let workers: Int
    /// Of each strategy under each regime.
    let rounds: Int
    /// Of a run, before the regime's own factor.
    let seconds: Double
    /// The worker's command line.
    let command: [String]

    /// Where and how this is measured.
    var conditions: StrategyReport.Conditions {
        let machine = MachineFacts.current()
        return StrategyReport.Conditions(
            date: String(WallClock.timestamp().prefix(10)),
            command: CommandLine.arguments.joined(separator: " "),
            version: ProgramVersion.text,
            kernel: machine.kernel,
            processor: machine.processor,
            processors: processorCount(),
            workers: workers,
            rounds: rounds,
            seconds: seconds
        )
    }

    /// "60 runs, about 7 min": a run takes a second besides, for its master.
    private var announcement: String {
        let runs = regimes.count * rounds * strategies.count
        let time = regimes.reduce(0) { $0 + (seconds * $1.length + 1) } * Double(rounds * strategies.count)
        let words = time < 90 ? "\(Int(time.rounded())) s" : "\(Int((time / 60).rounded())) min"
        return "\(runs == 1 ? "1 run" : "\(runs) runs"), about \(words); Ctrl-C shows what is complete"
    }

    /// Runs everything, or until Ctrl-C.
    ///
    /// - Throws: What a master or the generator says.
    /// - Returns: One result for each regime of which at least one round is complete.
    func run() throws -> StrategyOutcome {
        let signals = try SignalDescriptor([SIGINT, SIGTERM])
        let directory = try PrivateDirectory()
        StandardError.write("maitred: \(announcement)\n")
        var line = ProgressLine(of: regimes.count * rounds * strategies.count)
        defer { line.end() }
        var outcome = StrategyOutcome()
        for regime in regimes {
            var complete: [[RegimeRun]] = []
            while complete.count < rounds,
                let runs = try runs(regime, round: complete.count, in: directory, signals, &line)
            {
                complete.append(runs)
            }
            outcome.add(regime, strategies, complete, of: rounds)
            if outcome.isInterrupted { break }
        }
        return outcome
    }

    /// One round: each strategy once; nil after Ctrl-C.
    private func runs(
        _ regime: Regime,
        round: Int,
        in directory: borrowing PrivateDirectory,
        _ signals: borrowing SignalDescriptor,
        _ line: inout ProgressLine
    ) throws -> [RegimeRun]? {
        var runs: [RegimeRun] = []
        for strategy in strategies {
            line.step("\(regime.name), round \(round + 1) of \(rounds), \(strategy)")
            guard let run = try run(regime, strategy, round: round, in: directory, signals) else { return nil }
            runs.append(run)
        }
        return runs
    }

    private func run(
        _ regime: Regime,
        _ strategy: String,
        round: Int,
        in directory: borrowing PrivateDirectory,
        _ signals: borrowing SignalDescriptor
    ) throws -> RegimeRun? {
        var master = try BenchMaster(strategy: strategy, workers: workers, command: command, in: directory)
        var isInterrupted = false
        let number = signals.descriptor.number
        // A run that fails leaves no master behind either.
        let outcome = Result {
            try RegimeRun(regime, seconds: seconds * regime.length, seed: UInt64(round + 1), on: &master) {
                isInterrupted = isInterrupted || Waiting.wait(for: [.readable(number)], within: .zero)[0]
                return !isInterrupted
            }
        }
        try master.stop()
        return isInterrupted ? nil : try outcome.get()
    }
}

/// What came of a comparison.
struct StrategyOutcome {
    /// One for each regime that was run, in medians over its complete rounds.
    private(set) var results: [RegimeResult] = []
    /// Whether Ctrl-C ended it.
    private(set) var isInterrupted = false
    /// What is to be said of an end before its time.
    private(set) var remark: String?

    /// Takes in the complete rounds of a regime, each with a run of each strategy.
    mutating func add(_ regime: Regime, _ strategies: [String], _ complete: [[RegimeRun]], of rounds: Int) {
        if !complete.isEmpty {
            let figures = strategies.indices.map { index in
                StrategyResult(strategies[index], rounds: complete.map { $0[index] })
            }
            results.append(
                RegimeResult(
                    name: regime.name,
                    title: regime.title,
                    explanation: regime.explanation,
                    strategies: figures
                )
            )
        }
        guard complete.count < rounds else { return }
        isInterrupted = true
        let part = complete.isEmpty ? "" : "; of \(regime.name) \(complete.count) of \(rounds) rounds"
        remark = "interrupted: " + (results.isEmpty ? "no round is complete" : "these are the complete rounds\(part)")
    }
}

/// One line on a terminal that says how far a long benchmark is.
struct ProgressLine {
    private let total: Int
    private var done = 0
    private let isTerminal = isatty(STDERR_FILENO) == 1

    /// Begins with nothing written.
    init(of total: Int) {
        self.total = total
    }

    /// The next step begins.
    mutating func step(_ what: String) {
        done += 1
        guard isTerminal else { return }
        StandardError.write("\r\(done) of \(total): \(what)\u{1B}[K")
    }

    /// Takes the line away.
    func end() {
        if isTerminal { StandardError.write("\r\u{1B}[K") }
    }
}
