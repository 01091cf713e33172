// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct PacketSocketTests {
    @Test func `packets arrive whole and in order`() throws {
        let pair = try TestPair()
        #expect(pair.first.send([1, 2, 3]) == .sent)
        #expect(pair.first.send([4]) == .sent)
        #expect(pair.second.receive() == .packet([1, 2, 3], nil))
        #expect(pair.second.receive() == .packet([4], nil))
        #expect(pair.second.receive() == .wouldBlock)
    }

    @Test func `no call waits, although the descriptors themselves may`() throws {
        let pair = try TestPair()
        #expect(fcntl(pair.first.descriptor.number, F_GETFL) & O_NONBLOCK == 0)
        #expect(pair.first.receive() == .wouldBlock)
        while pair.first.send([UInt8](repeating: 0, count: 4096)) == .sent {}
        #expect(pair.first.send([0]) == .wouldBlock)
        pair.second.waitWritable(milliseconds: 0)
    }

    @Test func `a descriptor travels with its packet, close-on-exec`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let before = openDescriptorCount()
            do {
                let sent = try Descriptor.null()
                let inode = try sent.inode()
                #expect(pair.first.send([9], attaching: sent.number) == .sent)
                guard case .packet([9], let number?) = pair.second.receive() else {
                    Issue.record("the packet came without its descriptor")
                    return
                }
                let received = Descriptor(owning: number)
                #expect(number != sent.number)
                #expect(isCloseOnExec(number))
                #expect(try received.inode() == inode)
            }
            #expect(openDescriptorCount() == before)
        }
    }

    /// One descriptor fits the control buffer; the kernel gives that one and drops the others.
    @Test(arguments: [2, 3, 20])
    func `of several descriptors none is kept and none leaks`(count: Int) async {
        await #expect(processExitsWith: .success) { [count = count as Int] in
            let pair = try TestPair()
            let before = openDescriptorCount()
            do {
                let sent = try Descriptor.null()
                #expect(sendMany(pair.first, Array(repeating: sent.number, count: count)) == 1)
                #expect(pair.second.receive() == .damaged(descriptorLost: true))
                #expect(pair.second.receive() == .wouldBlock)
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `a packet longer than the buffer is refused, and its descriptor closed`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let before = openDescriptorCount()
            do {
                let sent = try Descriptor.null()
                #expect(pair.first.send([UInt8](repeating: 1, count: 65), attaching: sent.number) == .sent)
                #expect(pair.second.receive(capacity: 64) == .damaged(descriptorLost: false))
                #expect(pair.second.receive() == .wouldBlock)
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `at the descriptor limit a look tells, and the packet stays`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let sent = try Descriptor.null()
            #expect(pair.first.send([5], attaching: sent.number) == .sent)
            var scratch = [UInt8](repeating: 0, count: 64)
            try withDescriptorsExhausted {
                #expect(scratch.withUnsafeMutableBytes { !pair.second.canReceiveDescriptor(scratch: $0) })
                #expect(pair.second.waitingBytes() == 1)
            }
            #expect(scratch.withUnsafeMutableBytes { pair.second.canReceiveDescriptor(scratch: $0) })
            guard case .packet([5], .some) = pair.second.receive() else {
                Issue.record("the packet is gone")
                return
            }
        }
    }

    @Test func `a receive at the descriptor limit says that it lost one`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let sent = try Descriptor.null()
            #expect(pair.first.send([5], attaching: sent.number) == .sent)
            try withDescriptorsExhausted {
                #expect(pair.second.receive() == .damaged(descriptorLost: true))
            }
        }
    }

    @Test func `a look shows the bytes, takes nothing and opens nothing`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let sent = try Descriptor.null()
            #expect(pair.first.send([1, 2], attaching: sent.number) == .sent)
            let before = openDescriptorCount()
            var buffer = [UInt8](repeating: 0, count: 64)
            for _ in 0..<3 { #expect(buffer.withUnsafeMutableBytes { pair.second.peek(into: $0) } == 2) }
            #expect(buffer[..<2] == [1, 2])
            #expect(openDescriptorCount() == before)
            guard case .packet([1, 2], .some) = pair.second.receive() else {
                Issue.record("the look took the packet")
                return
            }
            #expect(buffer.withUnsafeMutableBytes { pair.second.peek(into: $0) } == nil)
        }
    }

    @Test func `the bytes that wait are counted over all packets`() throws {
        let pair = try TestPair()
        #expect(pair.second.waitingBytes() == 0)
        for count in 1...10 {
            #expect(pair.first.send([UInt8](repeating: 0, count: 64)) == .sent)
            #expect(pair.second.waitingBytes() == 64 * count)
        }
        _ = pair.second.receive()
        #expect(pair.second.waitingBytes() == 64 * 9)
        #expect(pair.first.waitingBytes() == 0)
    }

    @Test func `an end that is closed for receiving gives EPIPE to the other, and can still send`() throws {
        let pair = try TestPair()
        try pair.first.closeForReceiving()
        #expect(pair.second.send([1]) == .closed(errno: EPIPE))
        #expect(pair.first.send([2]) == .sent)
        #expect(pair.second.receive() == .packet([2], nil))
    }

    @Test func `what was sent before the other side went is received, then the end`() throws {
        let pair = try TestPair()
        #expect(pair.second.send([1]) == .sent)
        #expect(pair.second.send([2]) == .sent)
        pair.closeSecond()
        #expect(pair.first.receive() == .packet([1], nil))
        #expect(pair.first.receive() == .packet([2], nil))
        #expect(pair.first.receive() == .closed)
        #expect(pair.first.receive() == .closed)
        #expect(pair.first.send([3]) == .closed(errno: EPIPE))
    }

    /// The kernel reports ECONNRESET once when the other side goes with unread packets; those it sent are still there.
    @Test func `what was sent is received although the other side left something unread`() throws {
        let pair = try TestPair()
        #expect(pair.first.send([7]) == .sent)
        #expect(pair.second.send([1]) == .sent)
        pair.closeSecond()
        #expect(pair.first.receive() == .packet([1], nil))
        #expect(pair.first.receive() == .closed)
    }

    @Test func `a packet larger than the send buffer is never accepted`() throws {
        let pair = try TestPair()
        try pair.first.setSendBuffer(bytes: 4096)
        #expect(pair.first.send([UInt8](repeating: 0, count: 65536)) == .closed(errno: EMSGSIZE))
    }

    @Test func `a pair leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let pair = try TestPair()
                #expect(isCloseOnExec(pair.first.descriptor.number) && isCloseOnExec(pair.second.descriptor.number))
            }
            do { _ = try PacketSocket.pair() }
            #expect(openDescriptorCount() == before)
            try withDescriptorsExhausted(leaving: 1) {
                #expect(systemError { () throws(SystemError) in _ = try PacketSocket.pair() }?.errno == EMFILE)
            }
            #expect(openDescriptorCount() == before)
        }
    }
}
