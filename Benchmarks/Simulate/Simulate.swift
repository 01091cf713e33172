// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import MaitredBalance
import MaitredSimulator

/// The `maitred-simulate` command: the strategies in virtual time, each beside the ideal queue.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maitred-simulate",
        abstract: "Plays requests through maitred's strategies in virtual time.",
        discussion: """
            Prints latencies in units of a cheap request, and how many times those of an ideal queue they are: one \
            queue before all workers, of which whoever is free takes the next. The same options give the same table.
            """
    )

    @Option(help: "Workers.")
    var workers = 4

    @Option(help: "Requests that a worker serves at the same time.")
    var atOnce = 1

    @Option(help: "Requests that may wait at a worker before it leaves the rotation; no limit unless given.")
    var queueDepth: Int?

    @Option(parsing: .upToNextOption, help: "Shares of what all workers can do.")
    var load = [0.5, 0.7, 0.9]

    @Option(parsing: .upToNextOption, help: "Strategies.")
    var strategy = StrategyName.allCases

    @Option(help: "When requests come: poisson, constant or bursts.")
    var arrivals = Arrivals.poisson

    @Option(help: "Requests of a burst.")
    var burst = 100

    @Option(help: "How long they take: constant, exponential or mix.")
    var distribution = Distribution.mix

    @Option(help: "Share of dear requests in the mix.")
    var dearShare = 0.01

    @Option(help: "How many times dearer they are.")
    var dearFactor = 100.0

    @Option(help: "Clients with an address of their own.")
    var clients = 100_000

    @Option(help: "Time between two samples of memory, in units of a cheap request.")
    var sampleInterval = 1000.0

    @Option(help: "Requests that are counted, after a tenth as many to warm up.")
    var requests = 1_000_000

    @Option(help: "What all chance follows from.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (1...4096).contains(workers), (1...4096).contains(atOnce) else {
            throw ValidationError("--workers and --at-once are 1 to 4096")
        }
        guard queueDepth.map({ $0 > 0 }) ?? true, burst > 0, clients > 0 else {
            throw ValidationError("--queue-depth, --burst and --clients are 1 or more")
        }
        guard (1...100_000_000).contains(requests) else { throw ValidationError("--requests is 1 to 100000000") }
        guard load.allSatisfy({ $0 > 0 && $0 <= 10 }) else { throw ValidationError("a load is above 0 and at most 10") }
        guard (0...1).contains(dearShare), dearFactor > 0, dearFactor <= 1e9, sampleInterval >= 1e-3 else {
            throw ValidationError(
                "--dear-share is 0 to 1, --dear-factor above 0 and at most 1000000000, --sample-interval 0.001 or more"
            )
        }
    }

    func run() {
        print(SimulationTable.heading)
        for load in load {
            let scenario = scenario(load: load)
            let ideal = IdealQueue.run(scenario)
            print(SimulationTable.row(ideal, of: "ideal queue", load: load, ideal: ideal))
            for name in strategy {
                let outcome = Simulation.run(scenario, with: name.makeStrategy(seed: seed))
                print(SimulationTable.row(outcome, of: name.rawValue, load: load, ideal: ideal))
            }
        }
    }

    private func scenario(load: Double) -> Scenario {
        var scenario = Scenario()
        scenario.workers = workers
        scenario.servedAtOnce = atOnce
        scenario.queueDepth = queueDepth ?? .max
        scenario.load = load
        scenario.arrivals =
            switch arrivals {
            case .poisson: .poisson
            case .constant: .constant
            case .bursts: .bursts(of: burst)
            }
        scenario.service =
            switch distribution {
            case .constant: .constant
            case .exponential: .exponential
            case .mix: .mix(share: dearShare, factor: dearFactor)
            }
        scenario.clients = clients
        scenario.memory.sampleInterval = sampleInterval
        scenario.requests = requests
        scenario.warmUp = requests / 10
        scenario.seed = seed
        return scenario
    }
}

extension Simulate {
    /// Arrival processes by their names.
    enum Arrivals: String, CaseIterable, ExpressibleByArgument {
        case poisson
        case constant
        case bursts
    }

    /// Service times by their names.
    enum Distribution: String, CaseIterable, ExpressibleByArgument {
        case constant
        case exponential
        case mix
    }
}

extension StrategyName: ExpressibleByArgument {}
