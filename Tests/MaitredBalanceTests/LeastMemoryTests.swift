// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct LeastMemoryTests {
    /// A balancer over workers whose last samples are given, in bytes.
    private func sampled(_ samples: [Int]) -> Balancer {
        var balancer = balancer(samples.count, LeastMemory())
        for (index, bytes) in samples.enumerated() {
            balancer.table.sampleMemory(at: index, bytes: bytes)
        }
        return balancer
    }

    @Test func `the least memory wins, and equals take turns`() {
        var balancer = sampled([70 << 20, 50 << 20, 60 << 20])
        #expect(balancer.picks(2) == [1, 1])
        var equal = sampled([50 << 20, 50 << 20, 50 << 20])
        #expect(equal.picks(4) == [0, 1, 2, 0])
    }

    @Test func `a worker over its limit is passed over while another has room`() {
        var balancer = sampled([50 << 20, 60 << 20, 70 << 20])
        balancer.table.setOverMemory(true, at: 0)
        #expect(balancer.picks(3) == [1, 1, 1])
        balancer.table.setBusy(true, at: 1)
        balancer.table.setOverMemory(true, at: 2)
        #expect(balancer.pick(for: nobody) == 0, "all are over: the least wins")
        balancer.table.setBusy(false, at: 1)
        #expect(balancer.pick(for: nobody) == 1)
    }

    @Test func `before any sample the fewest connections win`() {
        var balancer = Balancer(table: table(holds: [3, 1, 2]), strategy: LeastMemory())
        #expect(balancer.pick(for: nobody) == 1)
        var idle = Balancer(table: table(holds: [0, 0, 0]), strategy: LeastMemory())
        #expect(idle.picks(4) == [0, 1, 2, 0])
    }

    /// Without the prediction all of these would go to worker 1.
    @Test func `connections between two samples do not herd`() {
        var balancer = sampled([50 << 20 + 3, 50 << 20, 50 << 20 + 2, 50 << 20 + 1])
        balancer.hand(1000)
        let shares = balancer.table.workers.map(\.open)
        #expect(shares.allSatisfy { (249...251).contains($0) }, "\(shares)")
    }

    @Test func `a burst fills the lightest up to the others and then spreads`() {
        var balancer = sampled([40 << 20, 50 << 20, 50 << 20])
        let cost = balancer.table.workers[0].memory.bytesPerConnection
        let first = (10 << 20) / cost
        balancer.hand(first)
        #expect(balancer.table.workers.map(\.open) == [first, 0, 0])
        balancer.hand(300)
        let shares = balancer.table.workers.map(\.open)
        #expect(shares[0] - first == 100 && shares[1] == 100 && shares[2] == 100)
    }

    @Test func `a newcomer without a sample gets its share, not everything`() {
        var balancer = sampled([50 << 20, 60 << 20])
        balancer.join(id: 3, slot: 2)
        balancer.table.setReady(true, at: 2)
        balancer.hand(100)
        #expect(balancer.table.workers.map(\.open) == [50, 0, 50])
    }

    @Test func `a worker that is never sampled is not starved`() {
        var balancer = sampled([50 << 20, 50 << 20])
        balancer.join(id: 3, slot: 2)
        balancer.table.setReady(true, at: 2)
        for _ in 0..<20 {
            balancer.hand(30)
            for index in 0..<3 { balancer.table.refresh(at: index, queued: 0, holds: 0) }
            for index in 0..<2 { balancer.table.sampleMemory(at: index, bytes: 50 << 20) }
        }
        balancer.hand(30)
        #expect(balancer.table.workers.map(\.open) == [10, 10, 10])
    }

    /// Four programs that need 100 KB for a connection, sampled every 200 connections that stay open.
    @Test func `memory evens out, whatever the workers began with`() {
        let base = [30_000_000, 60_000_000, 45_000_000, 52_000_000]
        var balancer = sampled(base)
        for _ in 0..<30 {
            balancer.hand(200)
            for (index, bytes) in base.enumerated() {
                balancer.table.sampleMemory(at: index, bytes: bytes + 100_000 * balancer.table.workers[index].open)
            }
        }
        let memory = balancer.table.workers.map { $0.memory.lastSample! }
        #expect(memory.max()! - memory.min()! < 1_000_000, "\(memory)")
    }
}
