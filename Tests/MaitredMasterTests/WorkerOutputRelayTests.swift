// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredMaster

/// A relay to one terminal or two, and a loop's epoll that watches it.
private final class Scene {
    let terminal: PlayedTerminal
    let other: PlayedTerminal
    let relay: OutputRelay
    private let epoll: Epoll

    init(areSeparate: Bool = false, isColored: Bool = false) throws {
        terminal = try PlayedTerminal()
        other = areSeparate ? try PlayedTerminal() : terminal
        relay = try OutputRelay([.output: terminal.number, .errors: other.number], isColored: isColored)
        epoll = try Epoll(capacity: 4)
        try relay.watch(in: epoll, as: EpollToken(kind: 1, identity: 0))
    }

    /// Whether the loop would wake up.
    var isReady: Bool { epoll.wait(milliseconds: 0) > 0 }

    /// Turns as long as there is something to do.
    func settle() {
        while isReady { relay.serve() }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct WorkerOutputRelayTests {
    @Test func `lines of two workers arrive whole, however they were written`() throws {
        let scene = try Scene()
        let three = try WorkerEnd(scene.relay, id: 3)
        let four = try WorkerEnd(scene.relay, id: 4)
        for (worker, part) in [(three, "a"), (four, "x\ny"), (three, "b\nc"), (four, "z\n"), (three, "\n")] {
            worker.write(part)
            scene.settle()
        }
        #expect(scene.terminal.lines(4) == ["worker 4 | x", "worker 3 | ab", "worker 4 | yz", "worker 3 | c"])
    }

    @Test func `both streams of a worker go to the one terminal, or each to its own`() throws {
        for areSeparate in [false, true] {
            let scene = try Scene(areSeparate: areSeparate)
            // The test's own descriptor and one of the relay: two would write into each other's lines.
            #expect(copies(of: scene.terminal.number) == 2)
            let output = try WorkerEnd(scene.relay, id: 1, .output)
            let errors = try WorkerEnd(scene.relay, id: 1, .errors)
            output.write("out\n")
            scene.settle()
            errors.write("err\n")
            scene.settle()
            let expected = ["worker 1 | out", "worker 1 | err"]
            #expect(scene.terminal.lines(areSeparate ? 1 : 2) == (areSeparate ? [expected[0]] : expected))
            if areSeparate { #expect(scene.other.lines(1) == [expected[1]]) }
        }
    }

    @Test func `a slot keeps its colour`() throws {
        let scene = try Scene(isColored: true)
        let first = try WorkerEnd(scene.relay, id: 1, slot: 1)
        let successor = try WorkerEnd(scene.relay, id: 7, slot: 1)
        first.write("x\n")
        scene.settle()
        successor.write("x\n")
        scene.settle()
        let (before, after) = ("\u{1B}[33mworker", "|\u{1B}[0m x")
        #expect(scene.terminal.lines(2) == ["\(before) 1 \(after)", "\(before) 7 \(after)"])
    }

    @Test func `one turn reads a worker once, and says that there is more`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        worker.write(String(repeating: String(repeating: "x", count: 1023) + "\n", count: 20))
        for expected in [8, 8, 4] {
            #expect(scene.isReady)
            scene.relay.serve()
            #expect(scene.terminal.lines(expected).count == expected)
        }
        #expect(!scene.isReady)
    }

    @Test func `a long line goes on in marked pieces`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        worker.write(String(repeating: "x", count: 10_000) + "\n")
        scene.settle()
        let pieces = [String(repeating: "x", count: 8192), String(repeating: "x", count: 1808)]
        #expect(scene.terminal.lines(2) == ["worker 1 | \(pieces[0])", "worker 1 + \(pieces[1])"])
    }

    /// With a dropped line, or a write that waits, this would fail or reach its time limit.
    @Test(arguments: ["stopped", "unread"])
    func `a terminal that takes nothing stops the worker, and then nothing is missing`(kind: String) throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        if kind == "stopped" { scene.terminal.stop() }
        let sent = (0..<20_000).map { "line \($0)" }
        var rest = Array(sent.map { $0 + "\n" }.joined().utf8)[...]
        while canWrite(worker.number) {
            rest = rest.dropFirst(worker.writeSome(rest))
            scene.settle()
        }
        #expect(rest.count > 100_000, "the worker waits")

        if kind == "stopped" { scene.terminal.stop(false) }
        var shown: [UInt8] = []
        let length = sent.reduce(0) { $0 + "worker 1 | \($1)\n".utf8.count }
        let isAllShown = eventually(within: .seconds(30)) {
            if rest.isEmpty { worker.close() } else { rest = rest.dropFirst(worker.writeSome(rest)) }
            scene.settle()
            shown += scene.terminal.bytes()
            return shown.count == length
        }
        #expect(isAllShown)
        let lines = String(decoding: shown, as: UTF8.self).split(separator: "\n")
        #expect(zip(lines, sent).allSatisfy { $0 == "worker 1 | \($1)" })
        #expect(scene.relay.openCount == 0)
    }

    /// A hang-up is always reported, so this would turn the loop without end.
    @Test func `a worker that ends while the terminal takes nothing does not keep the loop awake`() throws {
        let scene = try Scene()
        scene.terminal.stop()
        let workers = [try WorkerEnd(scene.relay, id: 1), try WorkerEnd(scene.relay, id: 2)]
        for (index, worker) in workers.enumerated() {
            worker.write("last words \(index)\nof its life")
            scene.settle()
            worker.close()
            scene.relay.ended(id: index + 1)
            scene.settle()
        }
        let late = try WorkerEnd(scene.relay, id: 3)
        late.write("late\n")
        #expect(!scene.isReady)
        #expect(scene.relay.openCount == 3)

        scene.terminal.stop(false)
        scene.settle()
        late.close()
        scene.settle()
        let lines = scene.terminal.lines(5)
        #expect(lines.first == "worker 1 | last words 0")
        let all = (1...2).flatMap { ["worker \($0) | last words \($0 - 1)", "worker \($0) | of its life"] }
        #expect(lines.sorted() == (all + ["worker 3 | late"]).sorted())
        #expect(scene.relay.openCount == 0)
    }

    @Test func `a terminal that is gone takes everything, so that workers go on`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        scene.terminal.hangUp()
        for _ in 0..<100 {
            worker.write(String(repeating: "x\n", count: 2000))
            scene.settle()
        }
        worker.close()
        scene.settle()
        #expect(scene.relay.openCount == 0)
        #expect(!scene.isReady)
    }

    @Test func `a line without newline is written when its worker has ended`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        worker.write("assertion fai")
        scene.settle()
        worker.write("led")
        #expect(scene.terminal.bytes() == [])
        worker.close()
        scene.relay.ended(id: 1)
        #expect(scene.terminal.lines(1) == ["worker 1 | assertion failed"])
        #expect(scene.relay.openCount == 0)
    }

    @Test func `all that waits in a pipe is passed on at once when its worker has ended`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1, .errors)
        worker.write(String(repeating: String(repeating: "x", count: 1023) + "\n", count: 10))
        worker.close()
        scene.relay.ended(id: 1)
        #expect(scene.terminal.lines(10).count == 10)
        #expect(scene.relay.openCount == 0)
    }

    @Test func `what a worker left behind is heard, and nobody waits for it`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        let left = dup(worker.number)
        worker.write("parent")
        worker.close()
        scene.relay.ended(id: 1)
        #expect(scene.terminal.lines(1) == ["worker 1 | parent"])
        #expect(!scene.isReady)
        #expect(write(left, "child\n", 6) == 6)
        scene.settle()
        #expect(scene.terminal.lines(1) == ["worker 1 | child"])
        close(left)
        scene.settle()
        #expect(scene.relay.openCount == 0)
    }

    @Test func `a worker that was never started leaves nothing`() throws {
        let scene = try Scene()
        let worker = try WorkerEnd(scene.relay, id: 1)
        worker.close()
        scene.settle()
        #expect(scene.relay.openCount == 0)
        #expect(scene.terminal.bytes() == [])
        scene.relay.ended(id: 1)
    }

    @Test func `the end waits for a slow terminal`() throws {
        let scene = try Scene()
        scene.terminal.stop()
        let worker = try WorkerEnd(scene.relay, id: 1)
        worker.write("a\nb")
        scene.settle()
        let terminal = Unchecked(scene.terminal)
        let person = startThread { terminal.value.stop(false) }
        scene.relay.finish(within: .seconds(10))
        pthread_join(person, nil)
        #expect(scene.terminal.lines(2) == ["worker 1 | a", "worker 1 | b"])
    }

    @Test func `the end does not wait for ever`() throws {
        let scene = try Scene()
        scene.terminal.stop()
        let worker = try WorkerEnd(scene.relay, id: 1)
        worker.write("a\n")
        scene.settle()
        let began = ContinuousClock.now
        scene.relay.finish(within: .milliseconds(50))
        #expect(ContinuousClock.now - began >= .milliseconds(49))
        #expect(ContinuousClock.now - began < .seconds(5))
    }

    @Test func `what is no terminal any more is said at the start`() throws {
        let terminal = try PlayedTerminal()
        terminal.hangUp()
        #expect(throws: SystemError.self) { _ = try OutputRelay([.output: terminal.number], isColored: false) }
    }

    /// How many descriptors of this process stand for the same file.
    private func copies(of number: CInt) -> Int {
        let identity = FileIdentity.ofDescriptor(number)
        return (0..<1024).count { FileIdentity.ofDescriptor($0) == identity }
    }

    private func canWrite(_ number: CInt) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 0) == 1
    }
}

/// A value that a thread of a test uses while the test does not.
private final class Unchecked<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
