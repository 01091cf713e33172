// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import MaitredWorker
import Testing

/// What `Worker.receive()` makes of the master's packets.
@Suite(.timeLimit(.minutes(5)))
struct InboxTests {
    @Test func `drain, messages and the end are heard in order, the unknown is skipped`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            #expect(try worker.receive() == nil)
            var unknown = ControlHead(.message)
            unknown.type = 99
            side.say(unknown.encoded(body: [1]))
            side.say(ControlHead(.bell).encoded())
            side.say(ControlHead(.message, stream: 1).encoded(body: [1, 2]))
            side.drain()
            #expect(try worker.receive() == .message([1, 2]))
            #expect(try worker.receive() == .drain)
            #expect(try worker.receive() == nil)
            side.leave()
            #expect(try worker.receive() == .masterGone)
            #expect(try worker.receive() == .masterGone)
        }
    }

    @Test func `fragments of two messages become two messages`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            side.say(ControlHead(.message, more: true, stream: 1).encoded(body: [1]))
            side.say(ControlHead(.message, more: true, stream: 2).encoded(body: [2]))
            #expect(try worker.receive() == nil)
            side.say(ControlHead(.message, stream: 1).encoded(body: [3]))
            side.say(ControlHead(.message, stream: 2).encoded(body: [4]))
            #expect(try worker.receive() == .message([1, 3]))
            #expect(try worker.receive() == .message([2, 4]))
        }
    }

    @Test func `a damaged packet is an error, and the next one is heard`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            side.say([1, 2, 3])
            side.drain()
            #expect(throws: WorkerError.self) { try worker.receive() }
            #expect(try worker.receive() == .drain)
        }
    }
}
