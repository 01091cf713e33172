// SPDX-License-Identifier: Apache-2.0

import MaitredBalance

/// A seeded generator, so that a failing sequence can be run again (Marsaglia's xorshift64*).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x2545_f491_4f6c_dd1d | 1
    }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }

    /// True once in `count` throws on average.
    mutating func oneIn(_ count: Int) -> Bool {
        Int.random(in: 0..<count, using: &self) == 0
    }
}

/// A connection without an address.
let nobody = ConnectionFacts(client: nil, listener: 0)

/// A connection of the client with this number.
func client(_ number: Int) -> ConnectionFacts {
    ConnectionFacts(client: ClientAddress(ipv4: UInt32(truncatingIfNeeded: number)), listener: 0)
}

/// Ready workers with ids 1, 2, 3 … in slots 0, 1, 2 … that hold what is given.
func table(holds: [Int], weights: [Int]? = nil, queueDepth: Int = .max, maxConnections: Int? = nil) -> LoadTable {
    var table = LoadTable(queueDepth: queueDepth, maxConnections: maxConnections)
    for (index, count) in holds.enumerated() {
        table.join(id: index + 1, slot: index, weight: weights?[index] ?? 1)
        table.setReady(true, at: index)
        table.refresh(at: index, queued: 0, holds: count)
    }
    return table
}

/// A balancer over `count` ready workers with nothing open.
func balancer(_ count: Int, _ strategy: any BalancingStrategy) -> Balancer {
    Balancer(table: table(holds: Array(repeating: 0, count: count)), strategy: strategy)
}

extension Balancer {
    /// Picks without handing anything.
    mutating func picks(_ count: Int, for connection: ConnectionFacts = nobody) -> [Int?] {
        (0..<count).map { _ in pick(for: connection) }
    }

    /// Picks and hands `count` connections.
    mutating func hand(_ count: Int, for connection: ConnectionFacts = nobody) {
        for _ in 0..<count {
            guard let index = pick(for: connection) else { return }
            table.handed(at: index)
        }
    }
}

/// Whether a worker may be given something, by the rules as the design states them.
func mayReceive(_ worker: WorkerLoad, in table: LoadTable) -> Bool {
    guard worker.isReady, !worker.isDraining, !worker.isBusy, !worker.isRefusing else { return false }
    guard worker.queued < table.queueDepth else { return false }
    return table.maxConnections.map { worker.open < $0 } ?? true
}
