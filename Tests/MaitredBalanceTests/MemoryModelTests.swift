// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct MemoryModelTests {
    /// Lets worker 0 gain `opened` connections and grow by `growth` bytes, `times` times.
    private func teach(_ table: inout LoadTable, opened: Int, growth: Int, times: Int) {
        for _ in 0..<times {
            for _ in 0..<opened { table.handed(at: 0) }
            table.sampleMemory(at: 0, bytes: (table.workers[0].memory.lastSample ?? 0) + growth)
        }
    }

    @Test func `prediction is the last sample and what was handed since`() {
        var table = table(holds: [0])
        let cost = table.workers[0].memory.bytesPerConnection
        table.handed(at: 0)
        #expect(table.workers[0].predictedMemory == cost)
        table.sampleMemory(at: 0, bytes: 50_000_000)
        #expect(table.workers[0].predictedMemory == 50_000_000)
        table.handed(at: 0)
        table.handed(at: 0)
        #expect(table.workers[0].memory.handedSinceSample == 2)
        #expect(table.workers[0].predictedMemory == 50_000_000 + 2 * cost)
        table.sampleMemory(at: 0, bytes: 51_000_000)
        #expect(table.workers[0].memory.handedSinceSample == 0 && table.workers[0].predictedMemory == 51_000_000)
    }

    @Test(arguments: [20_000, 100_000, 1_000_000, 20_000_000])
    func `the cost of a connection is learned`(_ cost: Int) {
        var table = table(holds: [0])
        table.sampleMemory(at: 0, bytes: 50_000_000)
        teach(&table, opened: 20, growth: 20 * cost, times: 30)
        let learned = table.workers[0].memory.bytesPerConnection
        #expect(abs(learned - cost) < cost / 50)
    }

    @Test func `a connection is never free and never costs more than a gigabyte`() {
        var table = table(holds: [0])
        table.sampleMemory(at: 0, bytes: 50_000_000)
        teach(&table, opened: 20, growth: 0, times: 50)
        #expect(table.workers[0].memory.bytesPerConnection == 16 << 10)
        teach(&table, opened: 20, growth: 1 << 40, times: 50)
        #expect(table.workers[0].memory.bytesPerConnection == 1 << 30)
    }

    @Test func `falling memory and closing connections teach nothing wrong`() {
        var table = table(holds: [100])
        table.sampleMemory(at: 0, bytes: 500_000_000)
        let before = table.workers[0].memory.bytesPerConnection
        table.refresh(at: 0, queued: 0, holds: 10)
        table.sampleMemory(at: 0, bytes: 900_000_000)
        #expect(table.workers[0].memory.bytesPerConnection == before)
        table.refresh(at: 0, queued: 0, holds: 60)
        table.sampleMemory(at: 0, bytes: 100_000_000)
        #expect((16 << 10..<before).contains(table.workers[0].memory.bytesPerConnection))
    }

    @Test func `one wild interval moves the estimate by less than its own size`() {
        var table = table(holds: [0])
        table.sampleMemory(at: 0, bytes: 50_000_000)
        let before = table.workers[0].memory.bytesPerConnection
        teach(&table, opened: 1, growth: 1 << 40, times: 1)
        #expect(table.workers[0].memory.bytesPerConnection < before + before / 16)
        teach(&table, opened: 1000, growth: 1 << 40, times: 1)
        #expect(table.workers[0].memory.bytesPerConnection < 2 * before)
    }

    @Test(arguments: [0, -1, Int.min, Int.max, 1 << 50 + 1])
    func `a sample that cannot be true is ignored`(_ bytes: Int) {
        var table = table(holds: [0])
        table.sampleMemory(at: 0, bytes: 50_000_000)
        table.handed(at: 0)
        let before = table.workers[0]
        table.sampleMemory(at: 0, bytes: bytes)
        #expect(table.workers[0] == before)
    }

    @Test func `a newcomer expects what the others learned`() {
        var table = table(holds: [0])
        table.sampleMemory(at: 0, bytes: 50_000_000)
        teach(&table, opened: 20, growth: 20 * 500_000, times: 30)
        table.join(id: 2, slot: 1)
        #expect(table.workers[1].memory.bytesPerConnection == table.workers[0].memory.bytesPerConnection)
    }

    @Test func `the count of open connections may come with the sample`() {
        var table = table(holds: [0])
        table.sampleMemory(at: 0, bytes: 50_000_000, open: 0)
        let before = table.workers[0].memory.bytesPerConnection
        table.sampleMemory(at: 0, bytes: 150_000_000, open: 100)
        #expect(table.workers[0].memory.bytesPerConnection > before)
    }
}
