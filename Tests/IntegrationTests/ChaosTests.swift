// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredTesting
import Testing

extension Integration {
    /// A minute of load while workers are killed: only what a killed worker had taken may be lost.
    struct ChaosTests {
        private static let duration = Duration.seconds(60)
        private static let clients = 8
        private static let workers = 4

        @Test func `killing workers costs new connections only what the killed ones had taken`() throws {
            try withTemporaryDirectory { directory in
                let record = "\(directory)/taken"
                let script = #"exec "$0" --mode tell-peers >>"$1""#
                let worker = try ["/bin/sh", "-c", script, ProgramPath.built("maitred-test-worker"), record]
                let control = ServiceControl(in: directory)
                let service = try Service(workers: Self.workers, worker: worker, control: control.path)
                let events = try control.events()
                let address = service.address
                let killer = Killer(control, for: Self.duration)
                let result = try killer.kill {
                    LoadRun.run(concurrency: Self.clients, address, countedBy: \.sequence) { killer.goesOn }
                }

                let counts = try control.settledConnections()
                try #require(killer.killed.count >= 60, "\(killer.killed.count) kills are no chaos")
                // Every connection was accepted once; kills met a queue, and others answered what was in it.
                #expect(counts.accepted == result.answered + result.failures.count)
                #expect(counts.takenBack > 0)
                try check(result, try TakeRecord(record), counts, killer.killed)
                try check(service, events, killer.killed)
            }
        }

        @Test func `killing workers costs kept connections only what the killed ones had taken`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let demo = try [ProgramPath.built("maitred-demo")]
                let service = try Service(workers: Self.workers, worker: demo, control: control.path)
                let events = try control.events()
                let address = service.address
                let killer = Killer(control, for: Self.duration)
                let result = try killer.kill {
                    KeepAliveLoad.run(concurrency: Self.clients, address, requests: 20) { killer.goesOn }
                }

                let counts = try control.settledConnections()
                let killed = killer.killed
                let unanswered = result.cuts.count { $0.worker == nil }
                print("chaos, kept connections: \(killed.count) kills, \(result.answers) answered,", terminator: " ")
                print("\(result.cuts.count) cut, \(unanswered) of them before the first answer, \(counts)")
                try #require(killed.count >= 60, "\(killed.count) kills are no chaos")

                #expect(result.refusals.isEmpty, "\(result.refusals)")
                #expect(result.closedCleanly == 0, "nobody was asked to finish")
                #expect(result.cuts.compactMap(\.worker).allSatisfy { killed.contains($0) }, "\(result.cuts)")
                // Those that had no answer had been taken: nothing that was accepted is not accounted for.
                #expect(counts.accepted == result.answeredConnections + unanswered)
                #expect(counts.taken + counts.lost == counts.accepted)
                #expect(counts.lost <= 5, "\(counts)")
                // One kill cuts no more than the clients' connections.
                #expect(result.cuts.count <= killed.count * Self.clients)
                try check(service, events, killed)
            }
        }

        /// What failed had been taken by one of the killed, and nothing was taken or answered twice.
        private func check(
            _ result: LoadRun.Result,
            _ taken: TakeRecord,
            _ counts: ConnectionReport,
            _ killed: Set<Int>
        ) throws {
            #expect(result.counts.values.allSatisfy { $0 == 1 }, "a connection was answered twice")
            #expect(taken.takenTwice.isEmpty, "taken twice: \(taken.takenTwice)")
            let answered = Set(result.counts.keys.compactMap { Int($0) })
            let unanswered = taken.owners.filter { !answered.contains($0.key) }
            #expect(unanswered.values.allSatisfy { killed.contains($0) }, "\(unanswered)")
            // The others were killed between receiving it and writing that down: in the master's counts these are lost, or
            // taken. A kill can interrupt one, and rarely does.
            let unwritten = counts.accepted - taken.owners.count
            print("chaos, new connections: \(killed.count) kills, \(result.answered) answered,", terminator: " ")
            print("\(result.failures.count) failed, slowest \(result.slowest), \(counts)")
            print("  failures: \(Dictionary(grouping: result.failures) { $0 }.mapValues(\.count))")
            print("  \(unanswered.count) were written down by a killed worker, \(unwritten) could not be")
            #expect(result.failures.count == unanswered.count + unwritten)
            #expect(unwritten == counts.lost + counts.taken - taken.owners.count)
            #expect(unwritten <= killed.count / 10)
            #expect(counts.lost <= 5, "\(counts)")
        }

        /// The killed died of the kill and nobody else died; somebody was ready all the time.
        private func check(_ service: Service, _ events: EventFeed, _ killed: Set<Int>) throws {
            try events.wait(for: "worker-exited", count: killed.count)
            let heard = try events.all()
            let died = heard.filter { $0.event == "worker-exited" }
            #expect(Set(died.compactMap(\.worker)) == killed)
            #expect(died.allSatisfy { $0.message.contains("SIGKILL") || $0.message.contains("signal 9") })
            let fewest = heard.fewestReady(of: Self.workers)
            print("  never fewer than \(fewest) of \(Self.workers) workers ready")
            #expect(fewest >= 1)
            #expect(!heard.contains { $0.event == "slot-retrying" || $0.event == "slot-failed" })
            try service.stop()
        }
    }
}

/// Kills a random worker every half second.
private final class Killer: Sendable {
    private static let interval = Duration.milliseconds(500)
    /// How long a worker must have been ready to be killed.
    private static let age = Duration.seconds(1)

    private let control: ServiceControl
    private let end: ContinuousClock.Instant
    private let victims = Guarded<Set<Int>>([])

    init(_ control: ServiceControl, for duration: Duration) {
        self.control = control
        end = .now + duration
    }

    /// The workers that were killed.
    var killed: Set<Int> { victims.withLock { $0 } }

    /// Whether the time has not passed.
    var goesOn: Bool { ContinuousClock.now < end }

    /// Kills until the time has passed, while a body runs in a thread of its own.
    func kill<Result: Sendable>(while body: @Sendable @escaping () -> Result) throws -> Result {
        let load = Background(body)
        defer { load.join() }
        var readySince: [Int: ContinuousClock.Instant] = [:]
        var next = ContinuousClock.now + Self.interval
        // Looks often, so that a worker that is ready is known to be.
        while !eventually(within: .milliseconds(50), { !goesOn }) {
            let now = ContinuousClock.now
            let ready = try control.status().workers.filter { $0.state == "ready" }
            for worker in ready { readySince[worker.id] = readySince[worker.id] ?? now }
            guard now >= next else { continue }
            next += Self.interval
            let candidates = ready.filter { !killed.contains($0.id) && now - readySince[$0.id]! >= Self.age }
            guard let victim = candidates.randomElement() else { continue }
            victims.withLock { _ = $0.insert(victim.id) }
            Glibc.kill(Int32(victim.pid), SIGKILL)
        }
        return load.join()
    }
}

/// What the workers wrote as they took connections.
private struct TakeRecord {
    /// The worker that took it, by the connection's number.
    private(set) var owners: [Int: Int] = [:]

    /// Numbers that occur twice.
    private(set) var takenTwice: [Int] = []

    init(_ path: String) throws {
        let text = try #require(readFile(path))
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = Substring(line).split(separator: " ")
            let sequence = words.first { $0.hasPrefix("sequence=") }.flatMap { Int($0.dropFirst(9)) }
            let owner = words.first { $0.hasPrefix("id=") }.flatMap { Int($0.dropFirst(3)) }
            if owners.updateValue(try #require(owner), forKey: try #require(sequence)) != nil {
                takenTwice.append(sequence ?? -1)
            }
        }
    }
}

extension TestResponse {
    /// The connection's number, as the test worker says it.
    fileprivate var sequence: String { field("sequence") ?? body }
}
