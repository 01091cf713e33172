// SPDX-License-Identifier: Apache-2.0

/// One worker as the strategies see it.
///
/// Only the table that it stands in changes it. Every number is clamped when it enters, because it may come from a
/// faulty worker: a strategy can add and multiply them without a thought for overflow.
public struct WorkerLoad: Sendable, Equatable {
    /// The worker's number, never given to another one.
    public let id: Int

    /// The worker's place among the N of the pool; during a rollout an old and a new worker share one.
    public let slot: Int

    /// The worker's share of the work relative to the others, 1 to 65,536.
    public internal(set) var weight: Int

    /// Connections in the worker's channels that it has not taken yet.
    public internal(set) var queued = 0

    /// Connections that processes of the worker possess.
    public internal(set) var holds = 0

    /// Whether the worker has proved that it takes connections.
    public internal(set) var isReady = false

    /// Whether the worker finishes what it has and gets nothing more.
    public internal(set) var isDraining = false

    /// Whether the worker has something queued and has not taken anything for longer than the stall timeout.
    public internal(set) var isBusy = false

    /// Whether somebody took the worker out of the rotation by hand.
    public internal(set) var isHeld = false

    /// Whether the worker uses more memory than it should; only `LeastMemory` minds.
    public internal(set) var isOverMemory = false

    /// Whether the worker's channel was full in this wakeup, whatever the counts say.
    public internal(set) var isRefusing = false

    /// Whether the worker may be given a connection now.
    public internal(set) var isEligible = false

    /// What is known about the worker's memory.
    public internal(set) var memory: MemoryModel

    /// Largest count that is believed: about a billion, twenty times what one Linux machine can hold open.
    static let maximumCount = 1 << 30

    /// Largest weight: a sum of counts times a weight stays below 2^47.
    static let maximumWeight = 1 << 16

    /// A worker that has just joined: nothing open, not ready.
    init(id: Int, slot: Int, weight: Int, bytesPerConnection: Int) {
        self.id = id
        self.slot = slot
        self.weight = Self.clampedWeight(weight)
        memory = MemoryModel(bytesPerConnection: bytesPerConnection)
    }

    /// Connections that the worker has or will have as soon as it looks.
    @inlinable
    public var open: Int { queued &+ holds }

    /// Bytes of memory that the worker is expected to use now.
    ///
    /// Last sample + connections handed since × learned bytes per connection. Before the first sample only the open
    /// connections count.
    public var predictedMemory: Int { memory.predicted(open: open) }

    /// Whether the worker has fewer connections open than another, both measured against their weights.
    @inlinable
    public func isLessLoaded(than other: WorkerLoad) -> Bool {
        // open / weight < other.open / other.weight, without the division.
        open &* other.weight < other.open &* weight
    }

    /// The nearest count that is believed.
    static func clamped(_ count: Int) -> Int { min(max(count, 0), maximumCount) }

    /// The nearest weight that is allowed.
    static func clampedWeight(_ weight: Int) -> Int { min(max(weight, 1), maximumWeight) }

    /// Whether the worker is in the rotation, or left out of it for want of room alone.
    @inline(__always)
    var isTaking: Bool { isReady && !isDraining && !isBusy && !isHeld }

    /// Brings `isEligible` up to date, in the order of the rotation.
    ///
    /// - Returns: by how much the number of eligible workers changed: −1, 0 or 1.
    @inline(__always)
    mutating func settle(under limits: RotationLimits) -> Int {
        let was = isEligible
        isEligible = isTaking && !isRefusing && queued < limits.queueDepth && open < limits.maxConnections
        return (isEligible ? 1 : 0) &- (was ? 1 : 0)
    }
}

/// How much a worker may have before it leaves the rotation.
struct RotationLimits: Sendable, Equatable {
    /// Connections that may wait in a worker's channels, at least 1.
    let queueDepth: Int

    /// Connections that a worker may have open, at least 1; `Int.max` for no limit.
    let maxConnections: Int

    /// Limits as configured, raised to 1 where they would shut out everybody.
    init(queueDepth: Int, maxConnections: Int?) {
        self.queueDepth = max(queueDepth, 1)
        self.maxConnections = max(maxConnections ?? .max, 1)
    }
}
