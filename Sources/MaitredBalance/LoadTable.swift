// SPDX-License-Identifier: Apache-2.0

/// The workers that exist, what each has open, and who of them may be given a connection.
///
/// A value without clock or system: the master writes in what it counts and reads, strategies read. Numbers are
/// clamped, never trusted. An index out of range is a bug of the caller and traps.
///
/// A worker is *eligible* when it is ready, not draining, not busy, not held, not refusing, has room in its queue and has fewer
/// connections open than the limit. That is kept current on every change, so that asking costs nothing.
public struct LoadTable: Sendable, Equatable {
    /// The workers in the order in which they joined, which is the order of the rotation.
    ///
    /// An index stays valid until `remove(at:)`, which moves the workers behind it up by one.
    public private(set) var workers: [WorkerLoad] = []

    /// How many workers are eligible.
    public private(set) var eligibleCount = 0

    /// What the rotation is filtered by.
    private var limits: RotationLimits

    /// Whether some worker may be refusing, so that a wakeup without any costs no walk over all.
    private var mayRefuse = false

    /// A table without workers.
    ///
    /// - Parameters:
    ///   - queueDepth: connections that may wait in a worker's channels; less than 1 means 1.
    ///   - maxConnections: connections that a worker may have open, nil for no limit; less than 1 means 1.
    public init(queueDepth: Int, maxConnections: Int?) {
        limits = RotationLimits(queueDepth: queueDepth, maxConnections: maxConnections)
    }

    /// Connections that may wait in a worker's channels.
    public var queueDepth: Int { limits.queueDepth }

    /// Connections that a worker may have open, nil for no limit.
    public var maxConnections: Int? { limits.maxConnections == .max ? nil : limits.maxConnections }

    /// Changes the limits for all workers.
    ///
    /// - Parameters:
    ///   - queueDepth: connections that may wait in a worker's channels; less than 1 means 1.
    ///   - maxConnections: connections that a worker may have open, nil for no limit; less than 1 means 1.
    public mutating func setLimits(queueDepth: Int, maxConnections: Int?) {
        limits = RotationLimits(queueDepth: queueDepth, maxConnections: maxConnections)
        for index in workers.indices {
            eligibleCount &+= workers[index].settle(under: limits)
        }
    }

    // MARK: - Members

    /// Adds a worker at the end of the rotation, with nothing open and not yet ready.
    ///
    /// Its connections are expected to cost what those of the others do on average.
    ///
    /// - Parameters:
    ///   - id: the worker's number, never used before.
    ///   - slot: the worker's place in the pool.
    ///   - weight: its share of the work relative to the others, clamped to the range from 1 to 65,536.
    public mutating func join(id: Int, slot: Int, weight: Int = 1) {
        let learned = workers.reduce(0) { $0 &+ $1.memory.bytesPerConnection }
        let expected = workers.isEmpty ? MemoryModel.assumedBytesPerConnection : learned / workers.count
        workers.append(WorkerLoad(id: id, slot: slot, weight: weight, bytesPerConnection: expected))
    }

    /// Removes a worker and moves those behind it up by one.
    ///
    /// A strategy has to be told; use `Balancer.remove(at:)` where there is one.
    public mutating func remove(at index: Int) {
        if workers.remove(at: index).isEligible {
            eligibleCount &-= 1
        }
    }

    // MARK: - Counts

    /// Sets what a worker has, as just read from its load page.
    ///
    /// - Parameters:
    ///   - index: the worker.
    ///   - queued: connections in its channels that it has not taken.
    ///   - holds: connections that its processes possess.
    public mutating func refresh(at index: Int, queued: Int, holds: Int) {
        // In most wakeups most workers have not changed: reading is cheaper than writing the same.
        guard workers[index].queued != queued || workers[index].holds != holds else { return }
        let limits = limits
        eligibleCount &+= workers[index].refresh(queued: queued, holds: holds, under: limits)
    }

    /// Counts a connection that was just given to a worker.
    public mutating func handed(at index: Int) {
        let limits = limits
        eligibleCount &+= workers[index].handed(under: limits)
    }

    /// Takes in a sample of a worker's memory.
    ///
    /// A number that cannot be true (not positive, above 1 PiB) is ignored.
    ///
    /// - Parameters:
    ///   - index: the worker.
    ///   - bytes: memory in use by all its processes.
    ///   - open: connections open when the sample was taken; nil for what the table counts now.
    public mutating func sampleMemory(at index: Int, bytes: Int, open: Int? = nil) {
        let open = open.map(WorkerLoad.clamped) ?? workers[index].open
        workers[index].memory.sampled(bytes: bytes, open: open)
    }

    // MARK: - States

    /// Says whether a worker has proved that it takes connections.
    public mutating func setReady(_ isReady: Bool, at index: Int) {
        workers[index].isReady = isReady
        eligibleCount &+= workers[index].settle(under: limits)
    }

    /// Says whether a worker is leaving.
    public mutating func setDraining(_ isDraining: Bool, at index: Int) {
        workers[index].isDraining = isDraining
        eligibleCount &+= workers[index].settle(under: limits)
    }

    /// Says whether a worker has stopped taking what is queued for it.
    public mutating func setBusy(_ isBusy: Bool, at index: Int) {
        workers[index].isBusy = isBusy
        eligibleCount &+= workers[index].settle(under: limits)
    }

    /// Says whether a worker was taken out of the rotation by hand.
    public mutating func setHeld(_ isHeld: Bool, at index: Int) {
        workers[index].isHeld = isHeld
        eligibleCount &+= workers[index].settle(under: limits)
    }

    /// Says whether a worker uses more memory than it should.
    public mutating func setOverMemory(_ isOverMemory: Bool, at index: Int) {
        workers[index].isOverMemory = isOverMemory
    }

    /// Says whether a worker's channel is full, whatever the counts say.
    public mutating func setRefusing(_ isRefusing: Bool, at index: Int) {
        mayRefuse = mayRefuse || isRefusing
        workers[index].isRefusing = isRefusing
        eligibleCount &+= workers[index].settle(under: limits)
    }

    /// Forgets which workers refused, as a new wakeup does; free when none did.
    public mutating func clearRefusing() {
        guard mayRefuse else { return }
        mayRefuse = false
        for index in workers.indices where workers[index].isRefusing {
            setRefusing(false, at: index)
        }
    }

    /// Changes a worker's share of the work, clamped to the range from 1 to 65,536.
    public mutating func setWeight(_ weight: Int, at index: Int) {
        workers[index].weight = WorkerLoad.clampedWeight(weight)
    }

    // MARK: - Search

    /// The fewest connections that wait for any of the workers that take what they are given, nil when there is none.
    ///
    /// A worker without room counts, also one that is at its limit of connections: it goes on with what it has.
    public var leastQueued: Int? {
        var least: Int?
        for worker in workers where worker.isTaking {
            least = min(least ?? .max, worker.queued)
        }
        return least
    }

    /// The first eligible worker at or after a place in the rotation, which goes on from the end at the beginning.
    ///
    /// - Parameter start: where to begin; a place outside the table means the beginning.
    /// - Returns: its index, or nil when nobody is eligible.
    public func nextEligible(from start: Int) -> Int? {
        guard eligibleCount > 0 else { return nil }
        let start = workers.indices.contains(start) ? start : 0
        for index in start..<workers.count where workers[index].isEligible {
            return index
        }
        for index in 0..<start where workers[index].isEligible {
            return index
        }
        return nil
    }

    /// The first eligible worker at or before a place in the rotation, which goes on from the beginning at the end.
    ///
    /// - Parameter start: where to begin; a place outside the table means the end.
    /// - Returns: its index, or nil when nobody is eligible.
    public func previousEligible(from start: Int) -> Int? {
        guard eligibleCount > 0 else { return nil }
        let start = workers.indices.contains(start) ? start : workers.count - 1
        var index = start
        repeat {
            if workers[index].isEligible { return index }
            index = index == 0 ? workers.count - 1 : index - 1
        } while index != start
        return nil
    }
}

extension WorkerLoad {
    /// Sets both counts.
    ///
    /// - Returns: by how much the number of eligible workers changed.
    @inline(__always)
    fileprivate mutating func refresh(queued: Int, holds: Int, under limits: RotationLimits) -> Int {
        self.queued = Self.clamped(queued)
        self.holds = Self.clamped(holds)
        return settle(under: limits)
    }

    /// Counts one connection more.
    ///
    /// - Returns: by how much the number of eligible workers changed.
    @inline(__always)
    fileprivate mutating func handed(under limits: RotationLimits) -> Int {
        queued = min(queued &+ 1, Self.maximumCount)
        memory.handedSinceSample = min(memory.handedSinceSample &+ 1, Self.maximumCount)
        return settle(under: limits)
    }
}
