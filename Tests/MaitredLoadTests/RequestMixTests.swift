// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import Testing

@testable import MaitredLoad

struct RequestMixTests {
    private static func plan(_ requests: [LoadPlan.Request]) -> LoadPlan {
        LoadPlan(
            addresses: [],
            host: "example.org:8080",
            requests: requests,
            pace: .closed(connections: 1),
            duration: .zero
        )
    }

    @Test func `each request is chosen as often as its weight says, the same for the same seed`() {
        let plan = Self.plan([.init(weight: 90, path: "/"), .init(weight: 9, path: "/b"), .init(weight: 1, path: "/c")])
        var mix = RequestMix(plan, random: SplitMix64(seed: 3, stream: 1))
        let chosen = (0..<100_000).map { _ in mix.next() }
        #expect(abs(chosen.count { $0 == 0 } - 90_000) < 500)
        #expect(abs(chosen.count { $0 == 1 } - 9000) < 400)
        #expect(abs(chosen.count { $0 == 2 } - 1000) < 150)
        var again = RequestMix(plan, random: SplitMix64(seed: 3, stream: 1))
        #expect((0..<100_000).map { _ in again.next() } == chosen)
    }

    @Test(arguments: [true, false])
    func `a request has its path, host, headers and what becomes of the connection`(keepsAlive: Bool) {
        var plan = Self.plan([.init(path: "/work?ms=5")])
        plan.headers = ["Accept: text/plain"]
        plan.keepsAlive = keepsAlive
        var mix = RequestMix(plan, random: SplitMix64(seed: 1, stream: 1))
        #expect(mix.next() == 0)
        let connection = keepsAlive ? "keep-alive" : "close"
        let wanted =
            "GET /work?ms=5 HTTP/1.1\r\nHost: example.org:8080\r\nAccept: text/plain\r\n"
            + "Connection: \(connection)\r\n\r\n"
        #expect(String(decoding: mix.messages[0], as: UTF8.self) == wanted)
    }
}
