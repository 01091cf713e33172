// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

/// The worker that integration tests and benchmarks rely on, and through it the SDK in a process of its own.
@Suite(.timeLimit(.minutes(5)))
struct TestWorkerTests {
    @Test func `a request is answered with who answered it`() throws {
        let side = try Side(listeners: 2)
        let program = try side.start()
        try side.waitForReady()
        for listener in 0..<2 {
            let client = try side.client(listener: listener)
            let response = try client.get()
            #expect(response.status == 200)
            #expect(response.field("id") == "17")
            #expect(response.field("slot") == "3")
            #expect(response.field("pid") == "\(program.pid)")
            #expect(response.field("listener") == "\(listener)")
            #expect(response.field("sequence") == "\(listener + 1)")
            #expect(try response.field("peer") == client.localAddress())
            #expect(try client.readToEnd() == "")
        }
        #expect(eventually { side.page.read().holds == 0 })
        #expect(side.page.read().taken == 2)
        #expect(side.page.totals().requests == 2)
    }

    @Test func `a kept connection carries several requests`() throws {
        let side = try Side()
        let program = try side.start()
        try side.waitForReady()
        let client = try side.client()
        for _ in 0..<3 { #expect(try client.get("/keep", keepAlive: true).status == 200) }
        #expect(side.page.read().holds == 1)
        side.drain()
        #expect(try client.readToEnd() == "")
        #expect(try program.waitExit() == .exited(code: 0))
    }

    @Test(arguments: [false, true])
    func `a held connection is open until the client closes or resets it`(isReset: Bool) throws {
        let side = try Side()
        let program = try side.start()
        try side.waitForReady()
        let client = try side.client()
        #expect(try client.get("/hold").status == 200)
        #expect(side.page.read().holds == 1)
        side.page.setDoorbell(true)
        if isReset { client.reset() } else { client.close() }
        #expect(side.hear() == .packet(ControlHead(.bell), body: []))
        #expect(side.page.read().holds == 0)
        #expect(!program.hasEnded)
    }

    @Test func `a drain finishes what is open, takes nothing more and ends well`() throws {
        let side = try Side()
        let program = try side.start()
        try side.waitForReady()
        let held = try side.client()
        #expect(try held.get("/hold").status == 200)
        let slow = try side.client()
        try slow.send("GET / HTTP/1.1\r\n")
        #expect(eventually { side.page.read().holds == 2 })
        side.drain()
        // The worker has heard it once it no longer takes; what comes now is the master's to take back.
        #expect(eventually { side.page.read().taken == 2 && side.hearNow() == .wouldBlock })
        try slow.send("\r\n")
        #expect(try slow.response().status == 200)
        #expect(!program.hasEnded)
        held.close()
        #expect(try program.waitExit() == .exited(code: 0))
        let late = try side.client()
        #expect(side.channels[0].waiting == 1)
        late.close()
    }

    @Test func `a worker whose master ends drains by itself`() throws {
        let side = try Side()
        let program = try side.start()
        try side.waitForReady()
        side.leave()
        #expect(try program.waitExit() == .exited(code: 0))
    }

    @Test func `nothing leaks over many connections`() throws {
        let side = try Side()
        let program = try side.start()
        try side.waitForReady()
        _ = try side.client().get()
        #expect(eventually { side.page.read().taken == 1 && side.page.read().holds == 0 })
        let before = openDescriptorCount(of: program.pid)
        for _ in 0..<500 {
            let client = try side.client()
            _ = try client.get()
        }
        #expect(eventually { side.page.read().taken == 501 && side.page.read().holds == 0 })
        #expect(openDescriptorCount(of: program.pid) == before)
    }

    // MARK: - Modes

    @Test func `wrong arguments and a missing master are one line each`() throws {
        let path = try ProgramPath.built("maitred-test-worker")
        let wrong = try Program(path, ["--mode", "unknown"])
        #expect(try wrong.waitExit() == .exited(code: 64))
        #expect(wrong.lines.count == 1 && wrong.lines[0].hasPrefix("usage: "))
        let alone = try Program(path)
        #expect(try alone.waitExit() == .exited(code: 1))
        let variables = "MAITRED_HANDOFF_FDS or MAITRED_LISTENER_FDS"
        #expect(alone.lines == ["maitred-test-worker: not started by maitred: \(variables) is not set"])
    }

    @Test func `one that is never ready says nothing`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "never-ready"])
        // It has attached when its row is there.
        #expect(eventually { side.page.totals().processes == 1 })
        #expect(side.hearNow() == .wouldBlock)
        #expect(!program.hasEnded)
    }

    @Test func `one that never reads takes nothing, and all of it is taken back`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "never-read"])
        try side.waitForReady()
        let clients = try (0..<3).map { _ in try side.client() }
        var packet = HandoffPacket()
        for number: UInt64 in 1...3 {
            guard case .connection = side.channels[0].takeBack(into: &packet) else {
                Issue.record("nothing to take back")
                return
            }
            #expect(packet.sequence == number)
        }
        #expect(side.page.read().taken == 0)
        #expect(!program.hasEnded)
        for client in clients { client.close() }
    }

    @Test func `one that is ready and exits does both`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "ready-then-exit", "--exit-code", "9"])
        try side.waitForReady()
        #expect(try program.waitExit() == .exited(code: 9))
        #expect(side.hear() == .closed)
    }

    @Test func `one that starts slowly is ready later`() throws {
        let begun = ContinuousClock.now
        let side = try Side()
        let program = try side.start(["--mode", "slow-start", "--delay-ms", "300"])
        try side.waitForReady()
        #expect(ContinuousClock.now - begun >= .milliseconds(300))
        #expect(!program.hasEnded)
    }

    @Test func `garbage all over the page traps nobody, and the worker serves on`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "garbage-page"])
        try side.waitForReady()
        for _ in 0..<100 {
            let client = try side.client()
            #expect(try client.get().status == 200)
            for _ in 0..<50 {
                let holds = side.page.read().holds
                #expect(holds >= 0 && holds <= LoadPage.mostHolds)
            }
            _ = side.page.totals()
            #expect(side.page.dropDeadRows(leader: program.pid, limit: 8) <= 8)
        }
    }

    @Test func `garbage on the control channel traps nobody, and stays within its packets`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "garbage-control"])
        var packets = 0
        var refused = 0
        while packets < 3000 {
            switch side.hear() {
            case .packet(let head, let body):
                packets += 1
                #expect(body.isEmpty || head.type == ControlType.message.rawValue)
            case .refused:
                packets += 1
                refused += 1
            case .wouldBlock, .closed:
                Issue.record("the worker fell silent")
                return
            }
        }
        #expect(refused > 0 && refused < packets)
        let client = try side.client()
        #expect(try client.get().status == 200)
        #expect(!program.hasEnded)
    }

    @Test(arguments: [
        ("write-channel", "write-channel EPIPE"), ("truncate-memfd", "truncate-memfd EPERM"),
    ])
    func `what a worker may not do fails, and it serves on`(mode: String, line: String) throws {
        let side = try Side()
        let program = try side.start(["--mode", mode])
        try side.waitForReady()
        try program.waitForLine(containing: line)
        let client = try side.client()
        #expect(try client.get().status == 200)
    }

    @Test func `one that shuts its channel down keeps what was in it`() throws {
        let side = try Side()
        let early = try side.client()
        let program = try side.start(["--mode", "shutdown-channel"])
        try side.waitForReady()
        try program.waitForLine(containing: "shutdown-channel ok")
        let late = try TestClient(side.doors[0].address)
        #expect(throws: TestFailure.self) { try side.hand() }
        // It takes what it had been given before, or the master takes it back.
        var packet = HandoffPacket()
        var isBack = false
        #expect(
            eventually {
                if case .connection = side.channels[0].takeBack(into: &packet) { isBack = true }
                return isBack || side.page.read().taken == 1
            }
        )
        early.close()
        late.close()
        side.drain()
        #expect(try program.waitExit() == .exited(code: 0))
    }

    @Test func `one that forks serves in both, and its sum heals when the child is killed`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "fork-child"])
        try side.waitForReady()
        let line = try program.waitForLine(containing: "child pid ")
        let child = try #require(Int32(line.dropFirst("child pid ".count)))
        #expect(eventually { side.page.totals().processes == 2 })
        var clients: [TestClient] = []
        var holders: [String: Int] = [:]
        // Who takes is up to the kernel; the other takes while one is stopped.
        for stopped in [child, program.pid] {
            kill(stopped, SIGSTOP)
            for _ in 0..<3 {
                let client = try side.client()
                holders[try client.get("/hold").field("pid") ?? "", default: 0] += 1
                clients.append(client)
            }
            kill(stopped, SIGCONT)
        }
        #expect(holders == ["\(child)": 3, "\(program.pid)": 3])
        #expect(side.page.read().holds == 6)
        kill(child, SIGKILL)
        #expect(eventually { side.page.dropDeadRows(leader: program.pid, limit: 119) == 1 })
        #expect(side.page.read().holds == 3)
        #expect(side.page.read().taken == 6)
        clients = []
        #expect(eventually { side.page.read().holds == 0 })
        side.drain()
        #expect(try program.waitExit() == .exited(code: 0))
    }

    @Test func `parent and child both end at a drain, whoever hears it`() throws {
        let side = try Side()
        let program = try side.start(["--mode", "fork-child"])
        try side.waitForReady()
        #expect(eventually { side.page.totals().processes == 2 })
        side.drain()
        #expect(try program.waitExit() == .exited(code: 0))
        #expect(eventually { program.descendants.isEmpty })
    }
}
