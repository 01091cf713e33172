// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Workers that end again and again: their slots are given up, and the master does not mind meanwhile.
    struct CrashLoopTests {
        private static let limits = ["--max-restarts", "3", "--restart-delay", "20ms"]

        @Test func `a command that ends by itself from the start is given up after three tries, whatever the limit`()
            throws
        {
            let service = try Service(
                workers: 1,
                ["--restart-delay", "20ms"],
                worker: ["/bin/sh", "-c", "exit 3"],
                ready: 0
            )
            #expect(try service.master.waitExit() == .exited(code: 1))
            let lines = service.master.errorLines
            let words = "no worker of /bin/sh ever became ready: the last one ended: exit code 3"
            #expect(lines.contains { $0.contains(words) })
            #expect(lines.count { $0.contains(" exited: exit code 3") } == 3, "\(lines)")
        }

        @Test func `when every slot is given up the master says so and fails`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Service(
                    workers: 2,
                    Self.limits,
                    worker: ["/bin/sh", "-c", "exit 7"],
                    control: control.path,
                    ready: 0
                )
                #expect(try service.master.waitExit() == .exited(code: 1))
                let lines = service.master.errorLines
                #expect(lines.contains { $0.contains("every slot has failed: nothing can be served") })
                for slot in 0...1 {
                    #expect(lines.count { $0.contains("slot \(slot) is given up after 3 failed starts in a row") } == 1)
                }
                #expect(lines.count { $0.contains("exited: exit code 7") } == 6)
                #expect(service.master.descendants.isEmpty)
                #expect(access(control.path, F_OK) != 0)
            }
        }

        @Test func `one slot is given up while the others serve, and the master has little to do with it`() throws {
            try withBrokenSlot(["--max-restarts", "9", "--restart-delay", "50ms"]) { service, control, _ in
                let begun = ContinuousClock.now
                let before = try #require(processorNanoseconds(of: service.master.pid))
                let events = try control.events()
                // 50 ms and half as much again after each: 2.5 s.
                let failed = try events.wait(for: "slot-failed", within: .seconds(30))
                let time = ContinuousClock.now - begun
                let used = Duration.nanoseconds(try #require(processorNanoseconds(of: service.master.pid)) - before)
                print("a crash loop of \(time) cost the master \(used): \(used / time * 100) %")
                #expect(time > .seconds(1))
                #expect(used / time < 0.05)

                #expect(failed.first?.slot == 1 && failed.first?.failures == 9)
                try service.master.waitForLine(containing: "slot 1 is given up after 9 failed starts in a row")
                let report = try control.status()
                #expect(report.state == "serving" && report.workers.map(\.slot) == [0, 2])
                #expect(report.vacantSlots == [SlotReport(slot: 1, state: "failed", failures: 9, retryIn: nil)])
                let text = try control.run("status").output
                #expect(text.contains { $0.contains("slot 1 after 9 failed starts in a row") }, "\(text)")
                let retries = try events.all().filter { $0.event == "slot-retrying" }
                #expect(retries.compactMap(\.failures) == Array(1...8))
                let run = LoadRun.run(requests: 200, concurrency: 4, service.address)
                #expect(run.failures.isEmpty && run.counts.count == 2, "\(run)")
                try service.stop()
            }
        }

        @Test(arguments: [["restart", "1", "--wait"], ["scale", "3", "--wait"], ["reload", "--wait"]])
        func `a slot that was given up is tried again when somebody asks`(words: [String]) throws {
            try withBrokenSlot(Self.limits) { service, control, mend in
                try service.master.waitForLine(containing: "slot 1 is given up")
                try mend()
                let command = try control.run(words)
                #expect(command.status == .exited(code: 0), "\(command)")
                let report = try control.waitForStatus { $0.workers.count { $0.state == "ready" } == 3 }
                #expect(report.vacantSlots.isEmpty && report.workers.map(\.slot) == [0, 1, 2])
                let run = LoadRun.run(requests: 200, concurrency: 4, service.address)
                #expect(run.failures.isEmpty && run.counts.count == 3, "\(run)")
                try service.stop()
            }
        }

        @Test func `a slot that is still broken is given up again`() throws {
            try withBrokenSlot(Self.limits) { service, control, _ in
                try service.master.waitForLine(containing: "slot 1 is given up")
                let command = try control.run(["scale", "3", "--wait"])
                #expect(command.status == .exited(code: 1))
                #expect(command.errors == ["maitred: 1 slot failed: maitred status says why"])
                try service.master.waitForLines(2, containing: "slot 1 is given up after 3 failed starts in a row")
                #expect(LoadRun.run(requests: 100, concurrency: 2, service.address).failures.isEmpty)
                try service.stop()
            }
        }

        /// Three workers, of which those in slot 1 end at once until they are mended.
        private func withBrokenSlot(
            _ options: [String],
            _ body: (Service, ServiceControl, _ mend: () throws -> Void) throws -> Void
        ) throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let mark = "\(directory)/mended"
                let script = #"[ "$MAITRED_WORKER_SLOT" != 1 ] || [ -e "$1" ] || exit 3; exec "$0""#
                let worker = try ["/bin/sh", "-c", script, ProgramPath.built("maitred-test-worker"), mark]
                let service = try Service(workers: 3, options, worker: worker, control: control.path, ready: 2)
                try body(service, control) { try writeFile(mark, "") }
            }
        }
    }
}
