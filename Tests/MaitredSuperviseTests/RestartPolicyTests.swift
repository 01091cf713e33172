// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

struct RestartPolicyTests {
    let policy = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 12)

    /// The delays of that many failures in a row; nil where the slot failed.
    private func delays(_ policy: RestartPolicy, count: Int) -> [Duration?] {
        var failures = 0
        return (0..<count).map { _ in
            switch policy.judge(readyFor: nil, failures: &failures) {
            case .restart(let delay): delay
            case .fail: nil
            }
        }
    }

    @Test func `each failure in a row waits half as long again, at most 30 seconds`() {
        let nanoseconds = delays(policy, count: 11).map { $0?.nanoseconds }
        #expect(
            nanoseconds == [
                1_000_000_000, 1_500_000_000, 2_250_000_000, 3_375_000_000, 5_062_500_000, 7_593_750_000,
                11_390_625_000, 17_085_937_500, 25_628_906_250, 30_000_000_000, 30_000_000_000,
            ]
        )
    }

    @Test func `the failure numbered maximumRestarts is the slot's last`() {
        #expect(delays(policy, count: 12).map { $0 == nil } == Array(repeating: false, count: 11) + [true])
    }

    @Test func `with one failure allowed the first is the last`() {
        let strict = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .seconds(1), maximumRestarts: 1)
        #expect(delays(strict, count: 1) == [nil])
    }

    @Test func `a delay above the longest is cut`() {
        let slow = RestartPolicy(restartDelay: .seconds(3600), minimumUptime: .zero, maximumRestarts: 4)
        #expect(delays(slow, count: 3) == [.seconds(30), .seconds(30), .seconds(30)])
    }

    @Test func `no delay stays none`() {
        let eager = RestartPolicy(restartDelay: .zero, minimumUptime: .seconds(1), maximumRestarts: 4)
        #expect(delays(eager, count: 3) == [.zero, .zero, .zero])
    }

    @Test(arguments: [
        (nil, true),
        (Duration.zero, true),
        (.milliseconds(999), true),
        (.seconds(1) - .nanoseconds(1), true),
        (.seconds(1), false),
        (.seconds(3600), false),
    ])
    func `an exit counts when the worker was ready for less than the minimum, or never`(
        readyFor: Duration?,
        counts: Bool
    ) {
        var failures = 3
        let verdict = policy.judge(readyFor: readyFor, failures: &failures)
        #expect(failures == (counts ? 4 : 0))
        #expect(verdict == .restart(after: counts ? .milliseconds(3375) : RestartPolicy.shortDelay))
    }

    @Test func `a worker that lived long enough begins the count anew`() {
        var failures = 0
        for _ in 0..<100 {
            for _ in 0..<11 { #expect(policy.judge(readyFor: nil, failures: &failures) != .fail) }
            #expect(policy.judge(readyFor: .seconds(1), failures: &failures) == .restart(after: .milliseconds(100)))
        }
        #expect(policy.judge(readyFor: nil, failures: &failures) == .restart(after: .seconds(1)))
    }

    @Test func `no minimum means that being ready at all is enough`() {
        let lenient = RestartPolicy(restartDelay: .seconds(1), minimumUptime: .zero, maximumRestarts: 1)
        var failures = 0
        #expect(lenient.judge(readyFor: .zero, failures: &failures) == .restart(after: RestartPolicy.shortDelay))
        #expect(lenient.judge(readyFor: nil, failures: &failures) == .fail)
    }
}
