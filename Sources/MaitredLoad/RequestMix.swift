// SPDX-License-Identifier: Apache-2.0

/// Which request is sent next, each as often as its weight says.
struct RequestMix {
    /// The whole requests as they are sent, in the plan's order.
    let messages: [[UInt8]]

    /// For each request the sum of its weight and those before.
    private let sums: [UInt64]
    private var random: SplitMix64

    /// - Parameters:
    ///   - plan: Requests, host and header lines.
    ///   - random: What chooses.
    init(_ plan: LoadPlan, random: SplitMix64) {
        messages = plan.requests.map { Self.message(plan, path: $0.path) }
        var sum: UInt64 = 0
        sums = plan.requests.map { request in
            sum += UInt64(max(0, request.weight))
            return sum
        }
        self.random = random
    }

    /// Chooses.
    ///
    /// - Returns: The request's place in `messages`.
    mutating func next() -> Int {
        guard let all = sums.last, sums.count > 1, all > 0 else { return 0 }
        // 2^64 is no multiple of the sum: by less than one in 2^32 a bias, of weights that anybody would write.
        let drawn = random.next() % all
        // Mixes have few requests.
        return sums.firstIndex { drawn < $0 } ?? 0
    }

    private static func message(_ plan: LoadPlan, path: String) -> [UInt8] {
        var lines = ["GET \(path) HTTP/1.1", "Host: \(plan.host)"]
        lines += plan.headers
        lines.append("Connection: \(plan.keepsAlive ? "keep-alive" : "close")")
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }
}
