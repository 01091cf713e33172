// SPDX-License-Identifier: Apache-2.0

/// What `maitred bench strategies` found: each strategy under each regime, in figures that stand for themselves.
///
/// Times are milliseconds, CPU times microseconds.
package struct StrategyReport: Codable, Sendable, Equatable {
    /// Where and how it was measured.
    package struct Conditions: Codable, Sendable, Equatable {
        /// Year-month-day of the run.
        package var date: String
        /// The command line.
        package var command: String
        /// maitred's version.
        package var version: String
        /// The kernel's release.
        package var kernel: String
        /// The processor's name, empty when not known.
        package var processor: String
        /// Processors that could be used.
        package var processors: Int
        /// Workers of each master.
        package var workers: Int
        /// Rounds that each figure is the median of.
        package var rounds: Int
        /// Seconds that each run was measured.
        package var seconds: Double

        /// All of it.
        package init(
            date: String,
            command: String,
            version: String,
            kernel: String,
            processor: String,
            processors: Int,
            workers: Int,
            rounds: Int,
            seconds: Double
        ) {
            self.date = date
            self.command = command
            self.version = version
            self.kernel = kernel
            self.processor = processor
            self.processors = processors
            self.workers = workers
            self.rounds = rounds
            self.seconds = seconds
        }
    }

    /// Where and how.
    package var conditions: Conditions
    /// One after another, as they were run.
    package var regimes: [RegimeResult]

    /// A report.
    package init(conditions: Conditions, regimes: [RegimeResult]) {
        self.conditions = conditions
        self.regimes = regimes
    }
}

/// All strategies under one regime.
package struct RegimeResult: Codable, Sendable, Equatable {
    /// A short name, such as `heterogeneous`.
    package var name: String
    /// A heading, such as "Requests of very different cost".
    package var title: String
    /// What was sent, in one or two sentences.
    package var explanation: String
    /// One for each strategy, in the order in which they were asked for.
    package var strategies: [StrategyResult]

    /// A regime's results.
    package init(name: String, title: String, explanation: String, strategies: [StrategyResult]) {
        self.name = name
        self.title = title
        self.explanation = explanation
        self.strategies = strategies
    }
}

/// One strategy under one regime: medians over the rounds unless said otherwise.
package struct StrategyResult: Codable, Sendable, Equatable {
    /// A point of a latency curve.
    package struct CurvePoint: Codable, Sendable, Equatable {
        /// 0 to 100.
        package var percentile: Double
        /// The latency that so many per cent did not exceed.
        package var milliseconds: Double

        /// A point.
        package init(percentile: Double, milliseconds: Double) {
            self.percentile = percentile
            self.milliseconds = milliseconds
        }
    }

    /// The connections of each worker at one moment of the last round.
    package struct Spread: Codable, Sendable, Equatable {
        /// Seconds since the run began.
        package var second: Double
        /// Open connections, one number for each worker slot.
        package var open: [Int]

        /// A moment.
        package init(second: Double, open: [Int]) {
            self.second = second
            self.open = open
        }
    }

    /// The strategy's name, such as `round-robin`.
    package var strategy: String
    /// Good answers a second.
    package var perSecond: Double
    /// Half of the answers came within.
    package var p50: Double
    /// 90 % came within.
    package var p90: Double
    /// 99 % came within.
    package var p99: Double
    /// 99.9 % came within.
    package var p999: Double
    /// The longest.
    package var max: Double
    /// The smallest and the largest p99 of the rounds.
    package var p99Range: [Double]
    /// Requests that failed, in all rounds together.
    package var failed: Int
    /// Requests that had no answer in time, in all rounds together.
    package var stuck: Int
    /// The largest number of connections of a worker, divided by the mean, averaged over the moments that were looked at.
    package var maxOverMean: Double
    /// The standard deviation of connections between workers, averaged over the moments that were looked at.
    package var deviation: Double
    /// Microseconds of the master's CPU time for each good answer.
    package var masterCPU: Double
    /// Microseconds of all workers' CPU time for each good answer.
    package var workerCPU: Double
    /// All rounds together.
    package var curve: [CurvePoint]
    /// The last round.
    package var spreads: [Spread]

    /// All of it.
    package init(
        strategy: String,
        perSecond: Double,
        p50: Double,
        p90: Double,
        p99: Double,
        p999: Double,
        max: Double,
        p99Range: [Double],
        failed: Int,
        stuck: Int,
        maxOverMean: Double,
        deviation: Double,
        masterCPU: Double,
        workerCPU: Double,
        curve: [CurvePoint],
        spreads: [Spread]
    ) {
        self.strategy = strategy
        self.perSecond = perSecond
        self.p50 = p50
        self.p90 = p90
        self.p99 = p99
        self.p999 = p999
        self.max = max
        self.p99Range = p99Range
        self.failed = failed
        self.stuck = stuck
        self.maxOverMean = maxOverMean
        self.deviation = deviation
        self.masterCPU = masterCPU
        self.workerCPU = workerCPU
        self.curve = curve
        self.spreads = spreads
    }
}
