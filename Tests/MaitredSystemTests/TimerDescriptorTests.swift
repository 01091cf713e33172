// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TimerDescriptorTests {
    private let token = EpollToken(kind: 6, identity: 0)

    /// What no test waits for.
    private let hour: UInt64 = 3_600_000_000_000

    private var now: UInt64 { MonotonicClock.nanoseconds() }

    /// An epoll that watches a timer as the loop does, and nothing else.
    private func epoll(watching timer: borrowing TimerDescriptor) throws -> Epoll {
        let epoll = try Epoll(capacity: 1)
        try epoll.add(timer.descriptor, [.readable, .edge], token)
        return epoll
    }

    @Test(arguments: [100_000, 900_000, 1_000_000, 5_500_000, 20_000_000] as [UInt64])
    func `it goes off once its moment has come, never before`(delay: UInt64) throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        #expect(epoll.wait(milliseconds: 0) == 0)
        for _ in 0..<10 {
            let moment = now + delay
            timer.set(at: moment)
            #expect(epoll.wait(milliseconds: 10_000) == 1)
            #expect(now >= moment)
            #expect(epoll.event(at: 0).token == token)
        }
    }

    /// A machine with other work may be late; that it never is early enough would be the timeout of an epoll.
    @Test func `a moment need not be a whole millisecond away`() throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        let isFine = (0..<500).contains { _ in
            let start = now
            timer.set(at: start + 200_000)
            return epoll.wait(milliseconds: 10_000) == 1 && now < start + 1_000_000
        }
        #expect(isFine)
    }

    @Test func `a moment that has passed is reported at once`() throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        for moment in [now - 1, now / 2, 1, 0] {
            timer.set(at: moment)
            #expect(epoll.wait(milliseconds: 10_000) == 1)
        }
    }

    @Test func `an earlier moment takes the place of a later one`() throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        timer.set(at: now + hour)
        timer.set(at: now + 1_000_000)
        #expect(epoll.wait(milliseconds: 10_000) == 1)
    }

    @Test func `a later moment takes the place of an earlier one, even of one that has come`() throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        timer.set(at: now + 2_000_000)
        timer.set(at: now + hour)
        #expect(epoll.wait(milliseconds: 5) == 0)

        timer.set(at: 1)
        #expect(isReadable(timer.descriptor.number, within: 10_000))
        timer.set(at: now + hour)
        #expect(epoll.wait(milliseconds: 0) == 0)
    }

    @Test func `once reported it is silent although nobody reads it, until it is set anew`() throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        for _ in 0..<100 {
            timer.set(at: now)
            #expect(epoll.wait(milliseconds: 10_000) == 1)
            #expect(isReadable(timer.descriptor.number))
            #expect(epoll.wait(milliseconds: 0) == 0)
            #expect(epoll.wait(milliseconds: 1) == 0)
        }
    }

    @Test(arguments: [UInt64.max, UInt64(Int64.max), UInt64(Int64.max) + 1])
    func `a moment beyond what the kernel can express never comes`(moment: UInt64) throws {
        let timer = try TimerDescriptor()
        let epoll = try epoll(watching: timer)
        timer.set(at: moment)
        #expect(epoll.wait(milliseconds: 1) == 0)
        timer.set(at: now)
        #expect(epoll.wait(milliseconds: 10_000) == 1)
    }

    @Test func `no program that is started inherits it`() throws {
        let timer = try TimerDescriptor()
        #expect(isCloseOnExec(timer.descriptor.number))
    }

    @Test func `it leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let timer = try TimerDescriptor()
                timer.set(at: 1)
            }
            #expect(openDescriptorCount() == before)
        }
    }
}
