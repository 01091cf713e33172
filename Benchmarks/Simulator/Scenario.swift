// SPDX-License-Identifier: Apache-2.0

/// What is simulated: workers, and requests that come to them, each on a connection of its own.
///
/// Time is counted in units of a cheap request: there is no clock.
package struct Scenario: Sendable, Equatable {
    /// Workers, at least 1.
    package var workers = 4

    /// Requests that a worker serves at the same time, each as fast as if it were alone; at least 1.
    ///
    /// What comes on top waits in the worker's queue, first in, first out.
    package var servedAtOnce = 1

    /// Requests that may wait in a worker's queue before it leaves the rotation; while nobody is in it, requests wait in
    /// one queue before all workers, as in a listener's backlog.
    package var queueDepth = Int.max

    /// How much of what all workers together can do is asked of them: 1 is all.
    package var load = 0.7

    /// When requests come.
    package var arrivals = ArrivalProcess.poisson

    /// How long they take.
    package var service = ServiceTime.heavyMix

    /// Clients with an address of their own, of which each request comes from any; at least 1.
    package var clients = 100_000

    /// What connections cost in memory.
    package var memory = MemoryUse()

    /// Requests that are counted.
    package var requests = 100_000

    /// Requests before those, which fill the queues and are not counted.
    package var warmUp = 10_000

    /// What all chance follows from.
    package var seed: UInt64 = 1

    /// Four workers at 70 % with 1 % of requests 100 times dearer.
    package init() {}

    /// The mean time between two requests.
    package var meanGap: Double {
        service.mean / (load * Double(workers * servedAtOnce))
    }
}

/// How much memory a worker uses, and how often somebody looks.
package struct MemoryUse: Sendable, Equatable {
    /// Bytes of a worker without connections: 32 MiB.
    package var idle = 32 << 20

    /// Bytes of each connection that it has open: 100 KiB.
    package var perConnection = 100 << 10

    /// Time between two samples: a second, if a cheap request takes a millisecond.
    package var sampleInterval = 1000.0

    /// A server of ordinary size, sampled once a second.
    package init() {}
}
