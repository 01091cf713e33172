// SPDX-License-Identifier: Apache-2.0

import Histogram
import MaitredBench
import MaitredLoad

extension LoadReport {
    /// What the engine found, in milliseconds and words.
    init(_ result: LoadResult, of plan: LoadPlan, url: String) {
        self.init(request: Request(plan, url: url))
        seconds = result.time / .seconds(1)
        throughput = seconds > 0 ? Double(result.answered) / seconds : 0
        answered = result.answered
        failed = result.failed
        unfinished = result.unfinished
        bytes = result.bytes
        connectionsOpened = result.connections
        latency = Latency(result.latency)
        serviceTime = Latency(result.serviceTime)
        for kind in LoadError.allCases { errors[kind.rawValue] = result.errors[kind] ?? 0 }
        late = result.late
        latestBy = result.latestBy / .milliseconds(1)
        cpuSeconds = result.cpuTime / .seconds(1)
    }
}

extension LoadReport.Request {
    /// What a plan asks for.
    init(_ plan: LoadPlan, url: String) {
        self.init(
            url: url,
            mode: "closed",
            connections: nil,
            rate: nil,
            burst: nil,
            threads: plan.threads,
            keepAlive: plan.keepsAlive,
            idle: plan.idle
        )
        switch plan.pace {
        case .closed(let count): connections = count
        case .open(let perSecond, _):
            mode = "open"
            rate = perSecond
        case .bursts(let count, _):
            mode = "bursts"
            burst = count
        }
    }
}

extension LoadReport.Latency {
    /// A histogram of nanoseconds.
    init(_ histogram: Histogram<UInt64>) {
        let isEmpty = histogram.totalCount == 0
        self.init(
            min: isEmpty ? 0 : Double(histogram.min) / 1e6,
            mean: isEmpty ? 0 : histogram.mean / 1e6,
            max: isEmpty ? 0 : Double(histogram.maxRecorded) / 1e6
        ) { isEmpty ? 0 : Double(histogram.valueAtPercentile($0)) / 1e6 }
    }
}
