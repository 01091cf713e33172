// SPDX-License-Identifier: Apache-2.0

import Benchmark
import Glibc
import MaitredBalance
import MaitredSystem
import MaitredWire

// What the parts cost, without the network: choosing, looking at load pages, packets through a channel, a new process.
// The whole of a handoff, beside a bare C loop, is measured by ../floor/compare.sh.

/// Connections that are chosen, or packets that pass, in one go of a loop.
private let batch = 64

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput],
        scalingFactor: .kilo,
        maxDuration: .seconds(1),
        maxIterations: 1_000_000
    )
    for workers in [2, 8, 64, 512] {
        for strategy in StrategyName.allCases { registerPick(strategy, workers: workers) }
        registerRefresh(workers: workers)
    }
    for workers in [64, 512] { registerLook(workers: workers) }
    registerPacket()
    registerControl()
    registerMessage()
    registerSpawn()
}

// MARK: - Choosing

/// A balancer over ready workers, each with its own count of open connections and a sample of its memory.
private func makeBalancer(_ strategy: StrategyName, workers: Int) -> Balancer {
    // Deep enough that nobody leaves the rotation in the middle of a batch.
    let table = LoadTable(queueDepth: 4 * batch, maxConnections: nil)
    var balancer = Balancer(table: table, strategy: strategy.makeStrategy(seed: 1))
    for index in 0..<workers {
        balancer.join(id: index + 1, slot: index)
        balancer.table.setReady(true, at: index)
        balancer.table.refresh(at: index, queued: 0, holds: index * 7 % 13)
        balancer.table.sampleMemory(at: index, bytes: (20 + index * 5 % 11) << 20)
    }
    return balancer
}

/// The client of the n-th connection: of a few thousand addresses.
private func facts(_ number: Int) -> ConnectionFacts {
    ConnectionFacts(client: ClientAddress(ipv4: 0x0a00_0000 | UInt32(truncatingIfNeeded: number & 0xfff)), listener: 0)
}

/// One pick and its count in the table, as for each connection.
private func registerPick(_ strategy: StrategyName, workers: Int) {
    Benchmark("pick \(strategy.rawValue) of \(workers)") { benchmark in
        var balancer = makeBalancer(strategy, workers: workers)
        var number = 0
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            if let index = balancer.pick(for: facts(number)) {
                balancer.table.handed(at: index)
                // Taken and closed at once: what is open stays what it was.
                balancer.table.refresh(at: index, queued: 0, holds: index * 7 % 13)
            }
            number &+= 1
        }
        benchmark.stopMeasurement()
        blackHole(balancer)
    }
}

/// Every worker's numbers have changed, and go into the table.
private func registerRefresh(workers: Int) {
    Benchmark("refresh a load table of \(workers)") { benchmark in
        var table = makeBalancer(.leastConnections, workers: workers).table
        var number = 0
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            for index in 0..<workers {
                table.refresh(at: index, queued: number & 1, holds: (number &+ index) & 15)
            }
            number &+= 1
        }
        benchmark.stopMeasurement()
        blackHole(table)
    }
}

// MARK: - Looking

/// Load pages of workers with one process each.
private func makePages(_ count: Int) throws -> [(page: LoadPage, worker: WorkerPage)] {
    try (0..<count).map { _ in
        let page = try LoadPage()
        // A worker would inherit the descriptor; here it is duplicated.
        let number = try page.withDescriptor { try $0.duplicate().release() }
        return (page, try WorkerPage(adopting: Descriptor(owning: number)))
    }
}

/// What a wakeup does before its first accept: every page is read into the table.
///
/// One page counts as changed, as in a wakeup that follows a connection: it is read in full and goes into the table. What
/// the worker does to change it is not measured.
private func registerLook(workers: Int) {
    Benchmark("look at \(workers) load pages, pick 1") { benchmark in
        let pages = try makePages(workers)
        var balancer = makeBalancer(.leastConnections, workers: workers)
        var watch = PageWatch()
        for page in pages { watch.append(page.page) }
        var number = 0
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            var next = 0
            while let index = watch.nextChanged(from: next) {
                balancer.table.refresh(at: index, queued: 0, holds: pages[index].page.read().holds)
                next = index + 1
            }
            if let index = balancer.pick(for: facts(number)) {
                balancer.table.handed(at: index)
            }
            watch.forget(at: number % workers)
            number &+= 1
        }
        benchmark.stopMeasurement()
        blackHole(balancer)
    }
}

// MARK: - Packets

/// Connections through a channel: handed in, taken out, closed.
///
/// `/dev/null` stands for each of them. And the price of asking once too often: an accept that finds nobody.
private func registerPacket() {
    Benchmark("hand and take \(batch) connections", configuration: .init(scalingFactor: .one)) { benchmark in
        let channel = try HandoffChannel(queueDepth: batch)
        let worker = try WorkerChannel(owning: channel.workerEnd.descriptor.duplicate())
        let connection = try Descriptor.null()
        let packet = HandoffPacket()
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            for _ in 0..<batch {
                guard channel.hand(packet, connection) == .sent else { return benchmark.error("a channel had no room") }
            }
            for _ in 0..<batch {
                guard case .connection = worker.take() else {
                    return benchmark.error("a connection did not arrive")
                }
            }
        }
        benchmark.stopMeasurement()
    }
    Benchmark("accept fails: nobody waits", configuration: .init(scalingFactor: .one)) { benchmark in
        let address = try SocketAddress.resolve(host: "127.0.0.1", port: 0)
        let listener = try ListeningSocket.open(address, ListeningOptions())
        var packet = HandoffPacket()
        benchmark.startMeasurement()
        for number in benchmark.scaledIterations {
            guard case .wouldBlock = packet.accept(from: listener, listener: 0, UInt64(number)) else {
                return benchmark.error("somebody connected")
            }
        }
        benchmark.stopMeasurement()
    }
}
