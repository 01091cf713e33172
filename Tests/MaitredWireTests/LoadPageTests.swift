// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import CMaitredWire
import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LoadPageTests {
    @Test func `an empty page says nothing`() throws {
        let page = try LoadPage()
        #expect(page.read() == LoadReading())
        #expect(page.totals() == LoadTotals())
        #expect(page.totals().heartbeat(now: 5) == nil)
        #expect(page.latency() == LatencyHistogram())
        #expect(page.dropDeadRows(leader: 1, limit: 119) == 0)
    }

    @Test func `what a worker counts the master reads`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        for _ in 0..<5 { worker.took() }
        #expect(!worker.closed(2))
        worker.served(7)
        worker.failed(3)
        worker.setMemory(1 << 30)
        let before = MonotonicClock.nanoseconds()
        worker.heartbeat()
        #expect(page.read().taken == 5)
        #expect(page.read().holds == 3)
        #expect(worker.holds == 3)
        let totals = page.totals()
        #expect(totals.requests == 7 && totals.errors == 3 && totals.memory == 1 << 30 && totals.processes == 1)
        #expect(totals.heartbeatNanoseconds >= before)
    }

    @Test func `the memory is sealed`() throws {
        let page = try LoadPage()
        page.withDescriptor { descriptor in
            #expect(ftruncate(descriptor.number, 0) == -1)
            #expect(errno == EPERM)
        }
    }

    @Test func `waits are counted by every process of the worker, in the page`() throws {
        let page = try LoadPage()
        let first = try workerPage(of: page)
        let second = try workerPage(of: page)
        first.took(acceptedNanoseconds: 5000, at: 5000)
        second.took(acceptedNanoseconds: 5000, at: 6024)
        second.took(acceptedNanoseconds: 5000, at: 6023)
        first.took(acceptedNanoseconds: 1, at: .max)
        var counts = [UInt64](repeating: 0, count: 128)
        (counts[0], counts[1], counts[127]) = (2, 1, 1)
        #expect(page.latency().counts == counts)
        let raw = try mapped(page)
        #expect(raw.load(fromByteOffset: 15360, as: UInt64.self) == 2)
        #expect(raw.load(fromByteOffset: 16376, as: UInt64.self) == 1)
    }

    @Test func `totals are sums over rows, and saturate`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        for index in 0..<3 {
            #expect(maitred_page_claim(raw, 1, 0, 0) == Int32(index))
            row(raw, index).pointee.knocks = 5
            row(raw, index).pointee.cpu_ns = 7
        }
        #expect(page.totals().knocks == 15 && page.totals().cpuNanoseconds == 21)
        for index in 1..<3 {
            row(raw, index).pointee.requests = .max
            row(raw, index).pointee.errors = .max - 1
            row(raw, index).pointee.memory = .max
            row(raw, index).pointee.cpu_ns = 1 << 63
            row(raw, index).pointee.knocks = .max
        }
        let totals = page.totals()
        #expect(totals.requests == .max && totals.errors == .max && totals.memory == .max)
        #expect(totals.cpuNanoseconds == .max && totals.knocks == .max)
    }

    @Test func `the youngest heartbeat counts, and one in the future is now`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        for (index, beat) in [UInt64(300), 500, 0].enumerated() {
            #expect(maitred_page_claim(raw, 1, 0, 0) == Int32(index))
            row(raw, index).pointee.heartbeat_ns = beat
        }
        #expect(page.totals().heartbeat(now: 501) == 500)
        #expect(page.totals().heartbeat(now: 500) == 500)
        #expect(page.totals().heartbeat(now: 400) == 400)
        row(raw, 2).pointee.heartbeat_ns = .max
        #expect(page.totals().heartbeat(now: 501) == 501)
    }

    // MARK: - Garbage

    @Test func `no content makes it trap, and holds stay within bounds`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        var random = SeededRandom(seed: 5)
        for round in 0..<2000 {
            for offset in stride(from: 0, to: LoadPage.size, by: 8) {
                let word: UInt64 =
                    switch round % 4 {
                    case 0: random.next()
                    case 1: .max
                    case 2: UInt64(Int64.max) &+ random.next() % 3
                    default: random.next() >> (random.next() % 64)
                    }
                raw.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
            }
            let reading = page.read()
            #expect(reading.holds >= 0 && reading.holds <= LoadPage.mostHolds)
            #expect(page.totals().processes <= 119)
            #expect(page.totals().heartbeat(now: 77) ?? 0 <= 77)
            let latency = page.latency()
            #expect(latency.counts.count == 128)
            #expect(latency.count >= latency.counts.max() ?? 0)
            #expect(latency.percentile(100) == latency.maximum)
            // The limit bounds the look-ups, whatever the page says.
            #expect(page.dropDeadRows(leader: 1, limit: 3) <= 3)
            page.setDoorbell(true)
            page.setDrain()
            page.setDoorbell(false)
        }
    }

    @Test(arguments: [UInt32(0), 1, 119, 120, 127, .max])
    func `a high-water mark beyond the page is cut`(mark: UInt32) throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        for index in 0..<119 {
            row(raw, index).pointee.pid = 1
            row(raw, index).pointee.taken = 1
            row(raw, index).pointee.holds = 1
        }
        header(raw).pointee.high_water = mark
        let rows = min(Int(mark), 119)
        #expect(page.read().holds == rows)
        #expect(page.read().taken == UInt64(rows))
        #expect(page.totals().processes == rows)
    }

    @Test func `garbage in a dead row frees it, and a sane page follows`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        row(raw, 0).pointee.pid = .max
        row(raw, 0).pointee.holds = .max
        header(raw).pointee.high_water = 1
        #expect(page.read().holds == LoadPage.mostHolds)
        #expect(page.dropDeadRows(leader: 1, limit: 119) == 1)
        #expect(page.read().holds == 0)
        let worker = try workerPage(of: page)
        worker.took()
        #expect(page.read().holds == 1)
    }

    // MARK: - Rows of processes that are gone

    @Test func `a row is dropped with its process, and what it took stays counted`() async {
        await #expect(processExitsWith: .success) {
            let page = try LoadPage()
            let raw = try mapped(page)
            let child = try ChildProcess.spawn(
                SpawnPlan(
                    path: "/bin/sleep",
                    arguments: ["sleep", "60"],
                    environment: [],
                    descriptors: [],
                    descriptorLimit: .current()
                )
            )
            let startTime = ProcessFiles.status(of: child.pid)?.startTime ?? 0
            let index = maitred_page_claim(raw, UInt64(child.pid), startTime, 0)
            #expect(index == 0)
            let own = row(raw, 0)
            for _ in 0..<5 { maitred_row_took(own) }
            own.pointee.requests = 4
            own.pointee.errors = 1
            own.pointee.knocks = 2
            own.pointee.cpu_ns = 9
            own.pointee.memory = 64
            own.pointee.heartbeat_ns = 3
            maitred_page_took(raw, own, 1000, 6000)

            #expect(page.dropDeadRows(leader: 1, limit: 119) == 0)
            #expect(page.read().holds == 6)

            // A zombie first, then reaped: gone both times.
            child.signal(SIGKILL)
            #expect(eventually { ProcessFiles.status(of: child.pid)?.isAlive == false })
            #expect(page.dropDeadRows(leader: 1, limit: 119) == 1)
            #expect(page.read().holds == 0)
            #expect(page.read().taken == 6)
            var totals = LoadTotals()
            totals.requests = 4
            totals.errors = 1
            totals.knocks = 2
            totals.cpuNanoseconds = 9
            #expect(page.totals() == totals)
            #expect(page.latency().count == 1)
            #expect(eventually { child.reap() != nil })
            #expect(page.dropDeadRows(leader: 1, limit: 119) == 0)

            // The next process finds the row free and clean, and the sum goes on.
            #expect(maitred_page_claim(raw, UInt64(getpid()), 0, 2) == 0)
            #expect(page.read().holds == 2)
            #expect(page.read().taken == 6)
            maitred_row_took(own)
            #expect(page.read().taken == 7)
        }
    }

    @Test func `a number that belongs to another process by now is dropped`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        let own = try #require(ProcessFiles.status(of: getpid()))
        #expect(maitred_page_claim(raw, UInt64(getpid()), own.startTime &+ 1, 3) == 0)
        #expect(maitred_page_claim(raw, UInt64(getpid()), own.startTime, 4) == 1)
        #expect(maitred_page_claim(raw, UInt64(getpid()), 0, 5) == 2)
        #expect(page.dropDeadRows(leader: 1, limit: 119) == 1)
        #expect(page.read().holds == 9)
        #expect(page.dropDeadRows(leader: 1, limit: 119) == 0)
    }

    @Test func `a number of another pid namespace is not looked up`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        for index: Int32 in 0..<3 { #expect(maitred_page_claim(raw, 4_000_000, 1, 1) == index) }
        let own = try #require(ProcessFiles.pidNamespace())
        row(raw, 1).pointee.pid_namespace = own
        row(raw, 2).pointee.pid_namespace = own &+ 1
        #expect(page.dropDeadRows(leader: 1, limit: 119) == 2)
        #expect(page.read().holds == 1)
    }

    @Test func `the leader's row is not looked up`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        #expect(maitred_page_claim(raw, 4_000_000, 1, 3) == 0)
        #expect(page.dropDeadRows(leader: 4_000_000, limit: 119) == 0)
        #expect(page.dropDeadRows(leader: 1, limit: 119) == 1)
    }

    @Test func `look-ups are bounded, and every row gets its turn`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        for index: Int32 in 0..<119 { #expect(maitred_page_claim(raw, 4_000_000, 1, 1) == index) }
        var calls = 0
        while page.read().holds > 0 {
            #expect(page.dropDeadRows(leader: 1, limit: 10) <= 10)
            calls += 1
            try #require(calls < 20)
        }
        #expect(calls == 12)
    }

    // MARK: - The doorbell

    @Test func `a close rings once per arming`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        for _ in 0..<5 { worker.took() }
        #expect(!worker.closed(1))
        page.setDoorbell(true)
        #expect(worker.closed(1))
        #expect(!worker.closed(1))
        page.setDoorbell(true)
        page.setDoorbell(false)
        #expect(!worker.closed(1))
    }

    /// The worker closes and looks at the doorbell; the master sets it and looks at the rows. When neither saw the other,
    /// the master would wait for a bell that nobody sends.
    @Test func `closer and master never both miss`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        let rounds = 100_000
        let turn = Turns()
        let closer = startThread {
            for round in 1...rounds {
                while turn.started.load(ordering: .acquiring) < round { sched_yield() }
                turn.hasRung.store(worker.closed(1), ordering: .releasing)
                turn.finished.store(round, ordering: .releasing)
            }
        }
        var missed = 0
        for round in 1...rounds {
            worker.took()
            turn.started.store(round, ordering: .releasing)
            page.setDoorbell(true)
            let sawClose = page.read().holds == 0
            while turn.finished.load(ordering: .acquiring) < round { sched_yield() }
            if !sawClose, !turn.hasRung.load(ordering: .acquiring) { missed += 1 }
            page.setDoorbell(false)
        }
        pthread_join(closer, nil)
        #expect(missed == 0)
    }

    /// `open` may be briefly high, never low.
    @Test func `a connection is in the queue or in the sum at every moment`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        let taker = startThread { for _ in 0..<200_000 { worker.took() } }
        var last = LoadReading()
        var faults: [LoadReading] = []
        while last.taken < 200_000 {
            let reading = page.read()
            if UInt64(reading.holds) < reading.taken || reading.taken < last.taken { faults.append(reading) }
            last = reading
        }
        pthread_join(taker, nil)
        #expect(faults.isEmpty)
    }

    @Test func `a page leaves no descriptor behind`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let page = try LoadPage()
                _ = try workerPage(of: page)
            }
            #expect(openDescriptorCount() == before)
        }
    }
}

/// What the two threads of the doorbell test tell each other.
private final class Turns: Sendable {
    let started = Atomic<Int>(0)
    let finished = Atomic<Int>(0)
    let hasRung = Atomic<Bool>(false)
}
