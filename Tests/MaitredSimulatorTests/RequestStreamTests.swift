// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSimulator

struct RequestStreamTests {
    @Test(arguments: [ArrivalProcess.poisson, .constant, .bursts(of: 10)])
    func `requests come as often as the load asks, whenever they come`(_ arrivals: ArrivalProcess) {
        let scenario = scenario(requests: 50_000) {
            $0.arrivals = arrivals
            $0.load = 0.8
            $0.workers = 5
            $0.servedAtOnce = 2
            $0.service = .exponential
        }
        let requests = Array(RequestStream(scenario))
        #expect(requests.map(\.number) == Array(0..<55_000))
        #expect(isClose(Double(requests.count) / (requests.last?.arrival ?? 0), to: 8, within: 0.02))
        #expect(zip(requests, requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
    }

    @Test func `those of a burst come at the same moment`() {
        let requests = Array(
            RequestStream(
                scenario(requests: 7) {
                    $0.arrivals = .bursts(of: 3)
                    $0.service = .constant
                    $0.load = 0.5
                }
            )
        )
        #expect(requests.map(\.arrival) == [1.5, 1.5, 1.5, 3, 3, 3, 4.5])
    }

    @Test func `costs have their mean, and dear ones their share`() {
        for service in [ServiceTime.constant, .exponential, .heavyMix] {
            let costs = RequestStream(scenario(requests: 100_000) { $0.service = service }).map(\.cost)
            #expect(isClose(costs.reduce(0, +) / Double(costs.count), to: service.mean, within: 0.03))
        }
        let dear = RequestStream(scenario(requests: 100_000) { $0.service = .heavyMix }).count { $0.cost == 100 }
        #expect(isClose(Double(dear), to: 1100, within: 0.1))
    }

    @Test func `costs and clients are the same however requests come`() {
        let some = RequestStream(scenario(requests: 100) { $0.load = 0.5 })
        let others = RequestStream(
            scenario(requests: 100) {
                $0.arrivals = .constant
                $0.load = 0.2
            }
        )
        #expect(some.map(\.cost) == others.map(\.cost) && some.map(\.client) == others.map(\.client))
        #expect(some.map(\.arrival) != others.map(\.arrival))
    }

    @Test(arguments: 0...20) func `neighbouring seeds and purposes have nothing in common`(_ seed: UInt64) {
        var here = RandomStream(seed: seed, for: .arrivals)
        var there = RandomStream(seed: seed + 1, for: .arrivals)
        var other = RandomStream(seed: seed, for: .costs)
        var differing = 0
        var fractions = 0.0
        for _ in 0..<1000 {
            let number = here.next()
            differing += (number ^ there.next()).nonzeroBitCount + (number ^ other.next()).nonzeroBitCount
            fractions += here.fraction()
        }
        // Half of the bits: 64 of 128, give or take six standard deviations of the mean.
        #expect(abs(Double(differing) / 1000 - 64) < 1.1)
        #expect(abs(fractions / 1000 - 0.5) < 0.055)
    }
}
