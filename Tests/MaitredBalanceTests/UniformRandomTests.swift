// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct UniformRandomTests {
    @Test func `the seed decides everything`() {
        var first = balancer(7, UniformRandom(seed: 5))
        var second = balancer(7, UniformRandom(seed: 5))
        var other = balancer(7, UniformRandom(seed: 6))
        let picks = first.picks(100)
        #expect(second.picks(100) == picks)
        #expect(other.picks(100) != picks)
    }

    @Test(arguments: 1...5) func `every eligible worker is equally likely`(_ seed: UInt64) {
        var balancer = balancer(12, UniformRandom(seed: seed))
        for index in [0, 11] { balancer.table.setBusy(true, at: index) }
        var counts = Array(repeating: 0, count: 12)
        for index in balancer.picks(20_000) { counts[index!] += 1 }
        #expect(counts[0] == 0 && counts[11] == 0)
        #expect(counts[1...10].allSatisfy { (1780...2220).contains($0) }, "\(counts)")
    }

    @Test func `nobody eligible, nobody picked`() {
        var strategy = UniformRandom(seed: 1)
        #expect(strategy.pick(from: LoadTable(queueDepth: 1, maxConnections: nil), for: nobody) == nil)
    }
}
