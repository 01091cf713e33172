// SPDX-License-Identifier: Apache-2.0

import MaitredBalance
import Testing

struct PowerOfTwoTests {
    @Test func `equal workers are taken in turn`() {
        var balancer = balancer(4, PowerOfTwo())
        #expect(balancer.picks(9) == [0, 1, 2, 3, 0, 1, 2, 3, 0])
    }

    @Test func `a lone eligible worker is picked, and nobody when there is none`() {
        var balancer = balancer(3, PowerOfTwo())
        balancer.table.setBusy(true, at: 0)
        balancer.table.setBusy(true, at: 2)
        #expect(balancer.picks(5) == [1, 1, 1, 1, 1])
        balancer.table.setBusy(true, at: 1)
        #expect(balancer.pick(for: nobody) == nil)
    }

    /// Two different workers are compared, so the most loaded one always loses.
    @Test(arguments: 2...9) func `the most loaded worker is never picked`(_ count: Int) {
        for most in 0..<count {
            var holds = Array(repeating: 1, count: count)
            holds[most] = 2
            var balancer = Balancer(table: table(holds: holds), strategy: PowerOfTwo())
            #expect(!balancer.picks(4 * count * count).contains(most))
        }
    }

    /// The second most loaded one wins only against the most loaded one: it is picked when those two have met.
    @Test(arguments: 2...9) func `everyone meets everyone`(_ count: Int) {
        for most in 0..<count {
            for second in 0..<count where second != most {
                var holds = Array(repeating: 0, count: count)
                holds[most] = 2
                holds[second] = 1
                var balancer = Balancer(table: table(holds: holds), strategy: PowerOfTwo())
                #expect(balancer.picks(count * (count + 1)).contains(second), "\(second) never met \(most)")
            }
        }
    }

    @Test func `everyone meets everyone around those who are not eligible`() {
        for most in [0, 2, 3, 6] {
            for second in [0, 2, 3, 6] where second != most {
                var holds = Array(repeating: 0, count: 8)
                holds[most] = 2
                holds[second] = 1
                var balancer = Balancer(table: table(holds: holds), strategy: PowerOfTwo())
                for index in [1, 4, 5, 7] { balancer.table.setBusy(true, at: index) }
                #expect(balancer.picks(24).contains(second), "\(second) never met \(most)")
            }
        }
    }

    @Test func `weights count`() {
        var balancer = Balancer(table: table(holds: [3, 4], weights: [1, 2]), strategy: PowerOfTwo())
        #expect(balancer.picks(6) == [1, 1, 1, 1, 1, 1])
    }

    @Test func `uneven workers even out`() {
        var balancer = Balancer(table: table(holds: [90, 0, 40, 10, 70, 20, 0, 50]), strategy: PowerOfTwo())
        balancer.hand(720)
        let open = balancer.table.workers.map(\.open)
        #expect(open.max()! - open.min()! <= 2, "\(open)")
    }

    @Test func `the upward index follows when a worker leaves`() {
        var balancer = balancer(6, PowerOfTwo())
        _ = balancer.picks(3)
        balancer.remove(at: 1)
        #expect(balancer.picks(5).map { balancer.table.workers[$0!].id } == [4, 5, 6, 1, 3])
    }

    /// The first four workers are so loaded that the downward index always wins; it has reached the worker with id 6.
    @Test(arguments: [
        (leaves: 0, next: 6),
        (leaves: 4, next: 6),
        (leaves: 5, next: 5),  // it was this one's turn
        (leaves: 6, next: 6),
    ])
    func `the downward index follows when a worker leaves`(_ row: (leaves: Int, next: Int)) {
        var balancer = Balancer(table: table(holds: [9, 9, 9, 9, 0, 0, 0, 0]), strategy: PowerOfTwo())
        #expect(balancer.picks(2) == [7, 6])
        balancer.remove(at: row.leaves)
        #expect(balancer.table.workers[balancer.pick(for: nobody)!].id == row.next)
    }

    @Test func `workers may leave until nobody is left`() {
        var balancer = balancer(3, PowerOfTwo())
        for _ in 0..<3 {
            #expect(balancer.pick(for: nobody) != nil)
            balancer.remove(at: 0)
        }
        #expect(balancer.pick(for: nobody) == nil)
    }
}
