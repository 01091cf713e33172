// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

/// A real demo process on real connections: the server as a master sees it.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct WorkerServerTests {
    @Test func `a connection is open until its client closes`() throws {
        let master = try ScriptedMaster()
        let clients = try (0..<3).map { _ in try master.connect() }
        for client in clients { #expect(try client.get(keepAlive: true).status == 200) }
        #expect(master.open == 3)
        #expect(master.taken == 3)
        clients[0].close()
        #expect(eventually { master.open == 2 })
        clients[1].reset()
        clients[2].close()
        #expect(eventually { master.open == 0 })
        #expect(master.page.totals().requests == 3)
    }

    @Test func `a blocked event loop takes nothing and costs nothing`() throws {
        let master = try ScriptedMaster()
        let blocker = try master.connect()
        try blocker.request("/block?ms=3000")
        try master.waitUntilBlocked()
        let waiting = try (0..<8).map { _ in try master.connect() }
        let before = master.processorTime
        #expect(!eventually(within: .milliseconds(500)) { master.waiting != 8 })
        #expect(master.processorTime - before < .milliseconds(50))
        #expect(try blocker.response().status == 200)
        for client in waiting { #expect(try client.get().status == 200) }
        for client in waiting + [blocker] { client.close() }
        #expect(eventually { master.open == 0 })
    }

    @Test func `a computing handler keeps its event loop from taking`() throws {
        let master = try ScriptedMaster()
        let busy = try master.connect()
        try busy.request("/work?ms=3000")
        try master.waitUntilBlocked()
        let waiting = try master.connect()
        #expect(!eventually(within: .milliseconds(300)) { master.waiting != 1 })
        #expect(try waiting.get().status == 200)
    }

    @Test func `another thread takes what a blocked one does not`() throws {
        let master = try ScriptedMaster(["--threads", "2"])
        let blocker = try master.connect()
        try blocker.request("/block?ms=60000")
        // What the loop takes before it stands still, nobody can answer for it.
        try #require(eventually { isAThreadSleeping(of: master.pid) })
        let served = (0..<50).allSatisfy { _ in (try? master.connect().get().status) == 200 }
        #expect(served)
    }

    @Test func `a waiting handler keeps nothing from being served`() throws {
        let master = try ScriptedMaster()
        let sleeper = try master.connect()
        try sleeper.request("/sleep?ms=60000")
        for _ in 0..<20 { #expect(try master.connect().get().status == 200) }
        #expect(eventually { master.open == 1 })
    }

    @Test func `an idle server costs nothing`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        #expect(try client.get(keepAlive: true).status == 200)
        let before = master.processorTime
        #expect(!eventually(within: .milliseconds(500)) { master.open != 1 })
        #expect(master.processorTime - before < .milliseconds(50))
    }

    @Test func `a knock is taken and is no connection`() throws {
        let master = try ScriptedMaster()
        master.knock()
        #expect(eventually { master.waiting == 0 })
        #expect(try master.connect().get().status == 200)
        #expect(master.taken == 1)
    }

    @Test func `a client that reset before it was taken leaves nothing behind`() throws {
        let master = try ScriptedMaster()
        let blocker = try master.connect()
        #expect(try blocker.get(keepAlive: true).status == 200)
        let descriptors = openDescriptorCount(of: master.program.pid)
        try blocker.request("/block?ms=1500", keepAlive: true)
        try master.waitUntilBlocked()
        for _ in 0..<10 {
            let client = try master.connect()
            try client.request()
            client.reset()
        }
        #expect(try blocker.response().status == 200)
        #expect(eventually { master.taken == 11 && master.open == 1 })
        #expect(openDescriptorCount(of: master.program.pid) == descriptors)
        #expect(try master.connect().get().status == 200)
    }

    @Test func `a draining worker answers what is under way and exits`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        try client.request("/sleep?ms=700", keepAlive: true)
        #expect(eventually { master.taken == 1 })
        master.drain()
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response.headers["connection"] == "close")
        #expect(try client.readToEnd() == "")
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `a draining worker answers one more request on an idle connection`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        #expect(try client.get(keepAlive: true).headers["connection"] == nil)
        let fresh = try master.connect()
        #expect(eventually { master.taken == 2 })
        master.drain()
        for client in [client, fresh] { try client.request(keepAlive: true) }
        for client in [client, fresh] {
            #expect(try client.response().headers["connection"] == "close")
            #expect(try client.readToEnd() == "")
        }
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `a draining worker does not wait for a connection that stays idle`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        #expect(try client.get(keepAlive: true).status == 200)
        master.drain()
        #expect(try client.readToEnd() == "")
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `a draining worker takes nothing more`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        try client.request("/sleep?ms=700", keepAlive: true)
        #expect(eventually { master.taken == 1 })
        master.drain()
        let late = try master.connect()
        #expect(try client.response().status == 200)
        #expect(try master.program.waitExit() == .exited(code: 0))
        #expect(master.waiting == 1)
        late.close()
    }

    @Test func `a long response is not cut short by a drain`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        try client.request("/bytes?n=20000000", keepAlive: true)
        #expect(eventually { master.taken == 1 })
        master.drain()
        // The worker has much more to send than the socket holds when the drain comes.
        try master.waitUntilQuiet()
        #expect(try client.response().body.utf8.count == 20_000_000)
        client.close()
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `a worker without a master serves what was handed to it and exits`() throws {
        let master = try ScriptedMaster()
        let blocker = try master.connect()
        try blocker.request("/block?ms=1500")
        try master.waitUntilBlocked()
        let waiting = try (0..<10).map { _ in try master.connect() }
        for client in waiting { try client.request() }
        master.leave()
        #expect(try blocker.response().status == 200)
        for client in waiting { #expect(try client.response().status == 200) }
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `an idle worker without a master exits`() throws {
        let master = try ScriptedMaster()
        master.leave()
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `SIGTERM drains`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        try client.request("/sleep?ms=500", keepAlive: true)
        #expect(eventually { master.taken == 1 })
        master.program.signal(SIGTERM)
        #expect(try client.response().status == 200)
        #expect(try master.program.waitExit() == .exited(code: 0))
    }

    @Test func `at the descriptor limit connections wait without loss or spinning`() throws {
        let master = try ScriptedMaster(descriptorLimit: 48)
        let clients = try (0..<48).map { _ in try master.connect() }
        #expect(eventually { master.taken > 16 })
        #expect(!eventually(within: .milliseconds(300)) { master.waiting == 0 })
        let before = master.processorTime
        #expect(!eventually(within: .milliseconds(500)) { master.waiting == 0 })
        #expect(master.processorTime - before < .milliseconds(50))
        for client in clients {
            #expect(try client.get().status == 200)
            client.close()
        }
        #expect(eventually { master.taken == 48 && master.open == 0 })
    }

    @Test func `a thousand connections leave nothing behind`() throws {
        let master = try ScriptedMaster(["--threads", "2"])
        #expect(try master.connect().get().status == 200)
        #expect(eventually { master.open == 0 })
        let descriptors = openDescriptorCount(of: master.program.pid)
        for _ in 0..<1000 { #expect(try master.connect().get().status == 200) }
        #expect(eventually { master.taken == 1001 && master.open == 0 })
        #expect(openDescriptorCount(of: master.program.pid) == descriptors)
    }

    @Test func `control packets that make no sense are passed over`() throws {
        let master = try ScriptedMaster()
        for _ in 0..<200 { master.say([9, 9, 9]) }
        #expect(try master.connect().get().status == 200)
        master.drain()
        #expect(try master.program.waitExit() == .exited(code: 0))
    }
}
