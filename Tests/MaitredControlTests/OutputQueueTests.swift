// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import MaitredSystem
import Testing

struct OutputQueueTests {
    @Test func `lines leave in order, each with its newline, however little room there is`() {
        var queue = OutputQueue(limit: 100)
        var taken: [UInt8] = []
        #expect(append(Array("one".utf8), to: &queue))
        #expect(append([], to: &queue))
        #expect(append(Array("three".utf8), to: &queue))
        #expect(queue.count == 11)
        var isOpen = false
        while !queue.isEmpty {
            isOpen = false
            let flush = queue.flush { bytes in
                if isOpen { return .wouldBlock }
                isOpen = true
                taken += bytes.prefix(2)
                return .bytes(min(2, bytes.count))
            }
            #expect(flush == .wrote(taken.count == 11 ? 1 : 2))
        }
        #expect(String(decoding: taken, as: UTF8.self) == "one\n\nthree\n")
    }

    @Test func `one flush writes until there is no room`() {
        var queue = OutputQueue(limit: 100)
        #expect(append(Array("123456789".utf8), to: &queue))
        var room = 7
        let flush = queue.flush { bytes in
            guard room > 0 else { return .wouldBlock }
            let count = min(3, room, bytes.count)
            room -= count
            return .bytes(count)
        }
        #expect(flush == .wrote(7))
        #expect(queue.count == 3)
    }

    @Test func `above the limit nothing is added, until something was taken`() {
        var queue = OutputQueue(limit: 10)
        #expect(append([UInt8](repeating: 1, count: 9), to: &queue))
        #expect(queue.count == 10)
        // At the limit one more line fits, however long: an answer is whole or it is nothing.
        #expect(append([UInt8](repeating: 2, count: 1000), to: &queue))
        #expect(queue.count == 1011)
        #expect(!append([], to: &queue))
        #expect(queue.count == 1011)
        var isFirst = true
        let flush = queue.flush { _ in
            defer { isFirst = false }
            return isFirst ? .bytes(1001) : .wouldBlock
        }
        #expect(flush == .wrote(1001))
        #expect(append([3], to: &queue))
        #expect(queue.count == 12)
    }

    @Test func `a client that is gone is told, and an empty queue asks nobody`() {
        var queue = OutputQueue(limit: 10)
        #expect(flush(&queue, .closed) == .wrote(0))
        #expect(append([1], to: &queue))
        #expect(flush(&queue, .wouldBlock) == .wrote(0))
        #expect(flush(&queue, .closed) == .closed)
        #expect(!queue.isEmpty)
    }
}

// Free functions: the macro cannot call a mutating member.

private func append(_ line: [UInt8], to queue: inout OutputQueue) -> Bool {
    queue.append(line)
}

private func flush(_ queue: inout OutputQueue, _ result: StreamWrite) -> OutputQueue.Flush {
    queue.flush { _ in result }
}
