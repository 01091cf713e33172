// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import MaitredWorker
import Testing

/// In exit tests: a process is one worker at most, and its environment says of which master.
@Suite(.timeLimit(.minutes(5)))
struct WorkerTests {
    @Test func `a process that no master started is told so`() async {
        await #expect(processExitsWith: .success) {
            #expect(attachError() == WorkerError.Code.notManaged)
        }
    }

    @Test func `a worker knows who it is`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(listeners: 2)
            try side.adoptHere()
            let worker = try Worker.attach()
            #expect(worker.id == 17 && worker.slot == 3)
            #expect(worker.listeners == side.doors.map(\.address.description))
            #expect(!worker.isDraining)
            #expect(worker.openConnections == 0)
            #expect(attachError() == .alreadyAttached)
        }
    }

    @Test func `a damaged environment is an error, and a stranger's descriptor is left alone`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            let stranger = try Descriptor.null()
            for value in ["", "x", "\(stranger.number):1", "999999:1"] {
                // What was claimed before the damage was found is closed, so each attempt gets its own.
                let numbers = side.descriptors.map { fcntl($0, F_DUPFD, 3) }
                for (name, value) in try side.environment(numbers) { setenv(name, value, 1) }
                setenv("MAITRED_LOAD_FD", value, 1)
                #expect(attachError() == .environment)
                #expect(isOpenDescriptor(stranger.number))
            }
        }
    }

    @Test func `the program's own descriptors are none of the SDK's business`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            let own = try Descriptor.null()
            _ = fcntl(own.number, F_SETFD, 0)
            try side.adoptHere()
            let worker = try Worker.attach()
            #expect(fcntl(own.number, F_GETFD) == 0)
            #expect(fcntl(worker.watchDescriptorOfControl, F_GETFD) == FD_CLOEXEC)
            #expect(fcntl(worker.watchDescriptor(ofListener: 0), F_GETFD) == FD_CLOEXEC)
        }
    }

    @Test func `connections are taken, counted and closed`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let before = openDescriptorCount()
            #expect(take(worker) == "empty")
            let first = try side.client()
            let second = try side.client()
            #expect(side.channels[0].waiting == 2)
            do {
                guard case .connection(let one) = worker.take(from: 0), case .connection(let two) = worker.take(from: 0)
                else {
                    Issue.record("nothing was taken")
                    return
                }
                #expect(one.sequence == 1 && two.sequence == 2)
                #expect(side.page.read().holds == 2)
                #expect(worker.openConnections == 2)
                one.close()
                #expect(side.page.read().holds == 1)
                let number = two.release()
                #expect(side.page.read().holds == 1)
                close(number)
                worker.closed()
            }
            #expect(side.page.read().holds == 0)
            #expect(side.page.read().taken == 2)
            #expect(try first.readToEnd() == "")
            #expect(try second.readToEnd() == "")
            first.close()
            second.close()
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `how long a connection waited is counted when it is taken`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let start = MonotonicClock.nanoseconds()
            let client = try side.client()
            let handed = MonotonicClock.nanoseconds()
            // The knock behind it waits too, but is no connection.
            #expect(side.channels[0].knock() == .sent)
            while MonotonicClock.nanoseconds() < handed + 2_000_000 { sched_yield() }
            #expect(side.page.latency().count == 0)
            #expect(take(worker) == "connection 1")
            #expect(take(worker) == "empty")
            let end = MonotonicClock.nanoseconds()
            #expect(side.page.latency().count == 1)
            let longest = try #require(side.page.latency().maximum)
            #expect(longest > .milliseconds(2))
            #expect(longest <= .nanoseconds((end - start) * 5 / 4))
            client.close()
        }
    }

    @Test func `knocks are swallowed and counted`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            #expect(side.channels[0].knock() == .sent)
            let client = try side.client()
            #expect(side.channels[0].knock() == .sent)
            #expect(take(worker) == "connection 1")
            #expect(take(worker) == "empty")
            #expect(side.page.totals().knocks == 2)
            #expect(side.channels[0].waiting == 0)
            client.close()
        }
    }

    @Test func `what is not of this wire is skipped`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            #expect(side.channels[0].masterEnd.send([1, 2, 3]) == .sent)
            let client = try side.client()
            #expect(take(worker) == "connection 1")
            client.close()
        }
    }

    @Test func `at its descriptor limit a worker says so and loses nothing`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            setSoftLimit(200)
            let worker = try Worker.attach()
            let client = try side.client()
            try withDescriptorsExhausted { #expect(take(worker) == "descriptor limit") }
            #expect(take(worker) == "connection 1")
            client.close()
        }
    }

    @Test func `waiting ends when a connection or a word of the master comes`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side(listeners: 2)
            try side.adoptHere()
            let worker = try Worker.attach()
            let nothing = worker.wait(milliseconds: 0)
            #expect(nothing.listeners.isEmpty && !nothing.control)
            let client = try side.client(listener: 1)
            #expect(worker.wait(milliseconds: 10_000).listeners == [1])
            #expect(!worker.wait(milliseconds: 0).control)
            side.drain()
            #expect(worker.wait(milliseconds: 10_000).control)
            #expect(worker.isDraining)
            client.close()
        }
    }

    @Test func `reports reach the page`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            worker.served(3)
            worker.failed()
            worker.served(-5)
            worker.reportMemory(bytes: 77)
            worker.heartbeat()
            let totals = side.page.totals()
            #expect(totals.requests == 3 && totals.errors == 1 && totals.memory == 77 && totals.processes == 1)
            #expect(totals.heartbeatNanoseconds > 0)
        }
    }

    @Test func `a close rings the bell once while the master waits`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let clients = try (0..<3).map { _ in try side.client() }
            for _ in clients { #expect(take(worker).hasPrefix("connection")) }
            worker.closed()
            #expect(side.hearNow() == .wouldBlock)
            side.page.setDoorbell(true)
            worker.closed()
            worker.closed()
            #expect(side.hearNow() == .packet(ControlHead(.bell), body: []))
            #expect(side.hearNow() == .wouldBlock)
            side.page.setDoorbell(true)
            worker.closed(0)
            worker.closed(-1)
            #expect(side.hearNow() == .wouldBlock)
            #expect(side.page.read().holds == 0)
        }
    }

    @Test(arguments: [0, 1, 65520, 65521, 1_000_000])
    func `a message of any size arrives in order, each on a stream of its own`(size: Int) async {
        await #expect(processExitsWith: .success) { [size = size as Int] in
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let sender = startThread { for _ in 0..<2 { try? worker.send(message: message) } }
            var assembler = ControlAssembler()
            var whole: [[UInt8]] = []
            var streams: Set<UInt64> = []
            while whole.count < 2, case .packet(let head, let body) = side.hear() {
                #expect(head.type == ControlType.message.rawValue)
                streams.insert(head.stream)
                if let message = try assembler.add(head, body) { whole.append(message) }
            }
            pthread_join(sender, nil)
            #expect(whole == [message, message])
            #expect(streams.count == 2)
        }
    }

    @Test func `a message that is too long is refused before anything is sent`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            do throws(WorkerError) {
                try worker.send(message: [UInt8](repeating: 0, count: 16 << 20 + 1))
                Issue.record("it was sent")
            } catch {
                #expect(error.code == .tooLarge)
            }
            #expect(side.hearNow() == .wouldBlock)
        }
    }

    @Test func `a master that is gone is an error to whoever speaks to it`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            side.leave()
            do throws(WorkerError) {
                try worker.ready()
                Issue.record("it was sent")
            } catch {
                #expect(error.code == .masterGone)
            }
            #expect(try worker.receive() == .masterGone)
        }
    }
}

/// What an attach fails with, nil when it succeeds.
private func attachError() -> WorkerError.Code? {
    do throws(WorkerError) {
        _ = try Worker.attach()
        return nil
    } catch {
        return error.code
    }
}

/// Takes, and says what came. A connection is closed without being counted as closed.
private func take(_ worker: Worker) -> String {
    switch worker.take(from: 0) {
    case .connection(let connection): "connection \(connection.sequence)"
    case .empty: "empty"
    case .descriptorLimit: "descriptor limit"
    case .masterGone: "master gone"
    }
}
