// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import CMaitredWire
import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

@Suite(.timeLimit(.minutes(5)))
struct WorkerPageTests {
    @Test func `a process has a row with its number and its start`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        let raw = try mapped(page)
        #expect(row(raw, 0).pointee.pid == UInt64(getpid()))
        #expect(row(raw, 0).pointee.start_time == ProcessFiles.status(of: getpid())?.startTime)
        #expect(row(raw, 0).pointee.pid_namespace == ProcessFiles.pidNamespace())
        #expect(header(raw).pointee.high_water == 1)
        #expect(worker.holds == 0)
    }

    @Test func `holds never pass below zero`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        worker.took()
        #expect(!worker.closed(5))
        #expect(worker.holds == 0)
        #expect(page.read().holds == 0)
        worker.took()
        #expect(page.read().holds == 1)
    }

    @Test func `a knock is counted and is no connection`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        worker.tookKnock()
        worker.tookKnock()
        #expect(row(try mapped(page), 0).pointee.knocks == 2)
        #expect(page.read() == LoadReading())
    }

    @Test func `a take is counted whatever its packet says, its wait only when that can be`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        worker.took()
        worker.took(acceptedNanoseconds: 0, at: 5_000_000)
        worker.took(acceptedNanoseconds: 5_000_001, at: 5_000_000)
        worker.took(acceptedNanoseconds: .max)
        #expect(page.latency().count == 0)
        worker.took(acceptedNanoseconds: 4_000_000, at: 5_000_000)
        #expect(page.latency().count == 1)
        #expect(page.latency().maximum == .nanoseconds(1 << 20))
        #expect(page.read().taken == 5 && page.read().holds == 5)
    }

    @Test func `the drain flag is seen`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        #expect(!worker.isDraining)
        page.setDrain()
        #expect(worker.isDraining)
    }

    @Test func `threads count without losing any`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        inThreads(4) { _ in
            for _ in 0..<10_000 {
                worker.took(acceptedNanoseconds: 1000, at: 9000)
                worker.served(1)
                _ = worker.closed(1)
            }
            worker.took()
        }
        #expect(page.read().taken == 40_004)
        #expect(page.read().holds == 4)
        #expect(page.totals().requests == 40_000)
        #expect(page.latency().count == 40_000)
    }

    @Test func `a process that finds every row taken counts nothing`() throws {
        let page = try LoadPage()
        let raw = try mapped(page)
        for _ in 0..<119 { #expect(maitred_page_claim(raw, UInt64(getpid()), 0, 0) >= 0) }
        #expect(maitred_page_claim(raw, UInt64(getpid()), 0, 0) == -1)
        let worker = try workerPage(of: page)
        worker.took(acceptedNanoseconds: 1)
        page.setDoorbell(true)
        #expect(!worker.closed(1))
        #expect(worker.holds == 0)
        #expect(page.read() == LoadReading())
        #expect(page.latency().count == 0)
    }

    @Test func `claims that race get a row each`() throws {
        let page = try LoadPage()
        let raw = UInt(bitPattern: try mapped(page))
        let log = TakeLog()
        inThreads(8) { thread in
            for _ in 0..<14 {
                let index = maitred_page_claim(UnsafeMutableRawPointer(bitPattern: raw)!, UInt64(thread + 1), 0, 1)
                log.add(UInt64(index))
            }
        }
        #expect(log.sorted == (0..<112).map { UInt64($0) })
        #expect(page.read().holds == 112)
    }

    // MARK: - Forks

    @Test func `a forked child counts on a row of its own, with what it inherited`() async {
        await #expect(processExitsWith: .success) {
            let page = try LoadPage()
            let worker = try workerPage(of: page)
            for _ in 0..<3 { worker.took() }
            worker.prepareFork()
            let child = fork {
                worker.claimAfterFork()
                worker.took()
                _ = worker.closed(2)
                return worker.holds == 2
            }
            #expect(exitCode(of: child) == 0)
            // The child is gone, its row not yet dropped.
            #expect(page.read().taken == 4)
            #expect(page.read().holds == 5)
            #expect(page.dropDeadRows(leader: getpid(), limit: 119) == 1)
            #expect(page.read().taken == 4)
            #expect(page.read().holds == 3)
        }
    }

    /// A server that forks for each connection closes the parent's copy at once.
    @Test func `a child inherits what was open at the fork, not what its parent still has`() async {
        await #expect(processExitsWith: .success) {
            let page = try LoadPage()
            let worker = try workerPage(of: page)
            var ends: [Int32] = [-1, -1]
            #expect(pipe(&ends) == 0)
            worker.took()
            worker.prepareFork()
            let child = fork { [ends] in
                var byte: UInt8 = 0
                guard read(ends[0], &byte, 1) == 1 else { return false }
                worker.claimAfterFork()
                return worker.holds == 1
            }
            #expect(!worker.closed(1))
            #expect(write(ends[1], "x", 1) == 1)
            #expect(exitCode(of: child) == 0)
            #expect(page.read().holds == 1)
        }
    }

    @Test func `a process that is not the row's counts nothing`() async {
        await #expect(processExitsWith: .success) {
            let page = try LoadPage()
            let worker = try workerPage(of: page)
            worker.took()
            page.setDoorbell(true)
            let child = fork {
                // As after vfork: the memory is the parent's, the process is not.
                var wasRead = false
                func clock() -> UInt64 {
                    wasRead = true
                    return 2
                }
                worker.took(acceptedNanoseconds: 1, at: clock())
                worker.served(5)
                worker.heartbeat()
                return !worker.closed(1) && !wasRead
            }
            #expect(exitCode(of: child) == 0)
            #expect(page.read().taken == 1 && page.read().holds == 1)
            #expect(page.totals().requests == 0 && page.totals().heartbeatNanoseconds == 0)
            #expect(page.latency().count == 0)
        }
    }

    @Test func `a process that did not fork keeps its row`() throws {
        let page = try LoadPage()
        let worker = try workerPage(of: page)
        worker.took()
        worker.prepareFork()
        worker.claimAfterFork()
        #expect(page.totals().processes == 1)
        #expect(worker.holds == 1)
    }

    @Test func `many children come and go, and the sum heals`() async {
        await #expect(processExitsWith: .success) {
            let page = try LoadPage()
            let worker = try workerPage(of: page)
            for _ in 0..<300 {
                worker.prepareFork()
                let child = fork {
                    worker.claimAfterFork()
                    worker.took()
                    return true
                }
                #expect(exitCode(of: child) == 0)
                _ = page.dropDeadRows(leader: getpid(), limit: 8)
            }
            while page.dropDeadRows(leader: getpid(), limit: 119) > 0 {}
            #expect(page.read().taken == 300)
            #expect(page.read().holds == 0)
        }
    }

    // MARK: - Pages that are none

    @Test func `memory that is no page is refused and closed`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let small = try SharedMemory(creating: "test", size: 4096)
                let error = wireError { () throws(WireError) in
                    _ = try WorkerPage(adopting: try! small.descriptor.duplicate())
                }
                guard case .environment(let variable, let problem)? = error else {
                    Issue.record("no error for a small page")
                    return
                }
                #expect(variable == "MAITRED_LOAD_FD")
                #expect(problem.contains("4096 bytes"))
                let blank = try SharedMemory(creating: "test", size: LoadPage.size)
                let none = wireError { () throws(WireError) in
                    _ = try WorkerPage(adopting: try! blank.descriptor.duplicate())
                }
                #expect(none == .magic(of: "the load page"))
                let page = try LoadPage()
                header(try mapped(page)).pointee.version = 9
                let number = try duplicate(of: page)
                let version = wireError { () throws(WireError) in
                    _ = try WorkerPage(adopting: Descriptor(owning: number))
                }
                #expect(version == .version(of: "the load page", found: 9))
                let file = wireError { () throws(WireError) in _ = try WorkerPage(adopting: try! Descriptor.null()) }
                #expect(file?.description.hasPrefix("MAITRED_LOAD_FD: cannot read the seals of descriptor ") == true)
            }
            #expect(openDescriptorCount() == before)
        }
    }
}

/// Forks; the child runs a body and exits with 0 when it is true. For exit tests only.
private func fork(_ body: () -> Bool) -> Int32 {
    let pid = maitred_linux_fork()
    if pid == 0 { _exit(body() ? 0 : 1) }
    return pid
}

/// Waits for a child, and reaps it.
private func exitCode(of pid: Int32) -> Int32 {
    var status: Int32 = 0
    guard waitpid(pid, &status, 0) == pid, status & 0x7f == 0 else { return -1 }
    return status >> 8 & 0xff
}
