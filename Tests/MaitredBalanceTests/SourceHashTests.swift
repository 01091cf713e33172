// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct SourceHashTests {
    /// The slot that each of the clients 0 ..< count belongs to.
    private func owners(_ count: Int, in table: LoadTable) -> [Int] {
        var strategy = SourceHash()
        return (0..<count).map { table.workers[strategy.pick(from: table, for: client($0))!].slot }
    }

    /// How many clients each slot has.
    private func shares(_ owners: [Int], slots: Int) -> [Int] {
        owners.reduce(into: Array(repeating: 0, count: slots)) { $0[$1] += 1 }
    }

    @Test func `a client always gets the same worker, whatever the load`() {
        var balancer = balancer(8, SourceHash())
        let first = balancer.pick(for: client(42))!
        balancer.hand(1000, for: client(7))
        balancer.table.refresh(at: first, queued: 5, holds: 5000)
        #expect(balancer.picks(10, for: client(42)).allSatisfy { $0 == first })
    }

    /// A change here moves every client of a running installation to another worker.
    @Test func `the assignment outlives a release`() {
        #expect(owners(16, in: table(holds: [0, 0, 0, 0])) == [0, 2, 2, 0, 1, 2, 2, 2, 0, 0, 1, 2, 1, 1, 1, 3])
        var strategy = SourceHash()
        let far = ConnectionFacts(
            client: ClientAddress(high: 0x2001_0db8_0000_0001, low: 0x0000_0000_0000_8888),
            listener: 0
        )
        #expect(strategy.pick(from: table(holds: Array(repeating: 0, count: 64)), for: far) == 17)
    }

    @Test func `a worker that leaves moves its own clients only, and they come back`() {
        var table = table(holds: Array(repeating: 0, count: 10))
        let before = owners(5000, in: table)
        table.remove(at: 3)
        let without = owners(5000, in: table)
        for (was, now) in zip(before, without) where was != 3 {
            #expect(was == now)
        }
        let inherited = shares(zip(before, without).filter { $0.0 == 3 }.map(\.1), slots: 10)
        #expect(inherited[3] == 0)
        #expect(inherited.enumerated().allSatisfy { $0.offset == 3 || (25...90).contains($0.element) }, "\(inherited)")
        table.join(id: 11, slot: 3)
        #expect(owners(5000, in: table) == without)
        table.setReady(true, at: 9)
        #expect(owners(5000, in: table) == before)
    }

    @Test func `a new slot takes its share and moves nobody else`() {
        var table = table(holds: Array(repeating: 0, count: 4))
        let before = owners(5000, in: table)
        table.join(id: 5, slot: 4)
        table.setReady(true, at: 4)
        let after = owners(5000, in: table)
        #expect(zip(before, after).allSatisfy { $0 == $1 || $1 == 4 })
        #expect((900...1100).contains(after.count { $0 == 4 }))
    }

    @Test func `clients are spread evenly, also those with neighbouring addresses`() {
        let slots = 10
        let ipv4 = shares(owners(20_000, in: table(holds: Array(repeating: 0, count: slots))), slots: slots)
        #expect(ipv4.allSatisfy { (1780...2220).contains($0) }, "\(ipv4)")

        var strategy = SourceHash()
        let table = table(holds: Array(repeating: 0, count: slots))
        var ipv6 = Array(repeating: 0, count: slots)
        for network in 0..<20_000 as Range<UInt64> {
            let address = ClientAddress(high: 0x2001_0db8_0000_0000 + network << 8, low: 1)
            ipv6[strategy.pick(from: table, for: ConnectionFacts(client: address, listener: 0))!] += 1
        }
        #expect(ipv6.allSatisfy { (1780...2220).contains($0) }, "\(ipv6)")
    }

    @Test func `weights share the clients out`() {
        let shares = shares(owners(40_000, in: table(holds: [0, 0, 0], weights: [1, 2, 5])), slots: 3)
        #expect((4700...5300).contains(shares[0]), "\(shares)")
        #expect((9600...10_400).contains(shares[1]), "\(shares)")
        #expect((24_500...25_500).contains(shares[2]), "\(shares)")
    }

    @Test func `a greater weight only attracts clients`() {
        var table = table(holds: [0, 0, 0, 0])
        let before = owners(5000, in: table)
        table.setWeight(3, at: 2)
        let after = owners(5000, in: table)
        #expect(zip(before, after).allSatisfy { $0 == $1 || $1 == 2 })
        #expect((2350...2650).contains(after.count { $0 == 2 }))
    }

    @Test func `of two workers of a slot the newer wins as soon as it is eligible`() {
        var table = table(holds: [0, 0, 0])
        table.join(id: 4, slot: 1)
        var strategy = SourceHash()
        let clients = (0..<200).filter { strategy.pick(from: table, for: client($0)) == 1 }
        #expect(!clients.isEmpty)
        table.setReady(true, at: 3)
        #expect(clients.allSatisfy { strategy.pick(from: table, for: client($0)) == 3 })
        table.setBusy(true, at: 3)
        #expect(clients.allSatisfy { strategy.pick(from: table, for: client($0)) == 1 })
    }

    @Test func `the order of joining does not matter`() {
        var reversed = LoadTable(queueDepth: 16, maxConnections: nil)
        for slot in (0..<6).reversed() {
            reversed.join(id: 100 - slot, slot: slot, weight: slot % 3 + 1)
            reversed.setReady(true, at: reversed.workers.count - 1)
        }
        let ordered = table(holds: Array(repeating: 0, count: 6), weights: [1, 2, 3, 1, 2, 3])
        #expect(owners(2000, in: reversed) == owners(2000, in: ordered))
    }

    @Test func `connections without an address are taken in turn`() {
        var balancer = balancer(3, SourceHash())
        #expect(balancer.picks(2) == [0, 1])
        balancer.remove(at: 0)
        #expect(balancer.picks(2) == [1, 0])
    }

    @Test func `an IPv4 address is the mapped IPv6 address`() {
        #expect(ClientAddress(ipv4: 0x7f00_0001) == ClientAddress(high: 0, low: 0xffff_7f00_0001))
    }
}
