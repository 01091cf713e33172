// SPDX-License-Identifier: Apache-2.0

// What `maitred status --json` prints. Names are in camelCase, memory is in bytes, times are in seconds, shares in
// percent. A field that is not known is left out. docs/CONTROL.md describes each; a test holds the two together.

/// The state of a master and its workers at one moment.
public struct StatusReport: Codable, Sendable, Equatable {
    /// The form of this report: 1.
    public var version = 1
    /// The service's name.
    public var name = ""
    /// The version of the program.
    public var program = ""
    /// The master's process.
    public var pid = 0
    /// `starting`, `serving`, `reloading` or `stopping`.
    public var state = ""
    /// Seconds since the master started.
    public var uptime = 0.0
    /// The strategy in force.
    public var strategy = ""
    /// The generation that new workers are of.
    public var generation = 1
    /// Workers wanted.
    public var size = 0
    /// The listeners.
    public var listeners: [ListenerReport] = []
    /// Counts since the start, and what is open now.
    public var connections = ConnectionReport()
    /// Rates over the last interval.
    public var rates = RateReport()
    /// How long connections waited from accept to take.
    public var handoffLatency = LatencyReport()
    /// The last reload; left out before the first.
    public var lastReload: ReloadReport?
    /// Log lines that could not be written.
    public var droppedLogLines = 0
    /// Slots without a worker.
    public var vacantSlots: [SlotReport] = []
    /// The workers, by slot.
    public var workers: [WorkerReport] = []

    /// A report of nothing.
    public init() {}
}

/// One listener.
public struct ListenerReport: Codable, Sendable, Equatable {
    /// Its index, as in packets.
    public var index: Int
    /// Its address.
    public var address: String
    /// Its name.
    public var name: String

    /// Groups the three.
    public init(index: Int, address: String, name: String) {
        self.index = index
        self.address = address
        self.name = name
    }
}

/// Connections of the whole service; `handed` = `taken` + `takenBack` + `queued` + `lost`, but for what is on its way.
public struct ConnectionReport: Codable, Sendable, Equatable {
    /// Accepted from listeners.
    public var accepted = 0
    /// Sent into channels, those taken back and given to another counted again.
    public var handed = 0
    /// Reported as taken by workers.
    public var taken = 0
    /// Taken back by the master.
    public var takenBack = 0
    /// Waiting in channels.
    public var queued = 0
    /// Open at workers, or waiting for them.
    public var open = 0
    /// Gone before they were accepted.
    public var failed = 0
    /// Gone from a channel without being reported as taken: a worker died between the two.
    public var lost = 0

    /// Counts of nothing.
    public init() {}
}

/// What happened per second over the last interval.
public struct RateReport: Codable, Sendable, Equatable {
    /// The interval in seconds, about 1.
    public var interval = 0.0
    /// Connections accepted.
    public var accepted = 0.0
    /// Connections taken by workers.
    public var taken = 0.0
    /// Requests answered, by workers that count them.
    public var requests = 0.0
    /// Requests failed.
    public var errors = 0.0

    /// Rates of nothing.
    public init() {}
}

/// Percentiles in seconds; all left out while nothing was counted.
public struct LatencyReport: Codable, Sendable, Equatable {
    /// Connections counted.
    public var count = 0
    /// Half waited no longer.
    public var p50: Double?
    /// Of ten, nine waited no longer.
    public var p90: Double?
    /// Of a hundred, 99.
    public var p99: Double?
    /// The longest.
    public var max: Double?

    /// Nothing counted.
    public init() {}
}

/// How a reload ended.
public struct ReloadReport: Codable, Sendable, Equatable {
    /// The generation it was to bring.
    public var generation: Int
    /// `running`, `done`, `failed` or `refused`.
    public var result: String
    /// Why it failed or was refused.
    public var reason: String?
    /// Seconds since it began.
    public var age: Double
    /// Settings that changed and take effect only with a new master.
    public var deferred: [String]

    /// Groups the five.
    public init(generation: Int, result: String, reason: String?, age: Double, deferred: [String]) {
        self.generation = generation
        self.result = result
        self.reason = reason
        self.age = age
        self.deferred = deferred
    }
}

/// A slot that has no worker.
public struct SlotReport: Codable, Sendable, Equatable {
    /// Its number.
    public var slot: Int
    /// `waiting` or `failed`.
    public var state: String
    /// Failed starts in a row.
    public var failures: Int
    /// Seconds until the next try.
    public var retryIn: Double?

    /// Groups the four.
    public init(slot: Int, state: String, failures: Int, retryIn: Double?) {
        self.slot = slot
        self.state = state
        self.failures = failures
        self.retryIn = retryIn
    }
}

/// One worker.
public struct WorkerReport: Codable, Sendable, Equatable {
    /// Its number.
    public var id = 0
    /// Its place.
    public var slot = 0
    /// The configuration it was started with.
    public var generation = 1
    /// Its first process.
    public var pid = 0
    /// `starting`, `ready`, `busy`, `held`, `draining`, `stopping`.
    public var state = ""
    /// Seconds it has been busy; left out when it is not.
    public var busyFor: Double?
    /// Seconds since its process was started.
    public var uptime = 0.0
    /// Connections it has or will take.
    public var open = 0
    /// Connections that wait in its channels.
    public var queued = 0
    /// Connections it took.
    public var taken = 0
    /// Requests it answered.
    public var requests = 0
    /// Requests that failed.
    public var errors = 0
    /// Memory in bytes.
    public var memory = 0
    /// Processor time in percent of one processor over the last second; left out until it is known.
    public var cpuPercent: Double?
    /// Workers this slot has had before.
    public var restarts = 0
    /// Its processes that have a row in its load page.
    public var processes = 0

    /// A report of nothing.
    public init() {}
}
