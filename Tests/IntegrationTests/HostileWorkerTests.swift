// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Whatever one worker does with what it was given, the master and the other workers go on.
    struct HostileWorkerTests {
        /// One in three misbehaves and is left running: what it serves, it serves rightly, and nobody else notices.
        @Test(arguments: ["garbage-page", "garbage-control", "write-channel", "truncate-memfd"])
        func `a worker that writes what it should not harms nobody`(mode: String) throws {
            let service = try Service(workers: 3, worker: Self.hostile(mode))
            _ = LoadRun.run(requests: 50, concurrency: 4, service.address)
            let before = Cost(of: service.master)
            let run = LoadRun.run(requests: 1500, concurrency: 8, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            #expect((run.counts["2"] ?? 0) > 300 && (run.counts["3"] ?? 0) > 300, "\(run.counts)")
            // While nobody asks for anything: what the worker alone makes the master do.
            let share = try Self.idleShare(of: service.master)
            #expect(share < 0.1, "\(mode) costs the master \(share * 100) % of a processor")
            #expect(eventually { openDescriptorCount(of: service.master.pid) == before.descriptors })
            #expect(service.residentBytes < before.resident + 1 << 20)
            service.master.signal(SIGTERM)
            #expect(try service.master.waitExit() == .exited(code: 0))
            #expect(service.master.descendants.isEmpty)
        }

        @Test func `a channel takes nothing from a worker, and a page's memory cannot be pulled away`() throws {
            let writing = try Service(workers: 3, worker: Self.hostile("write-channel"))
            try writing.master.waitForLine(containing: "write-channel EPIPE")
            let truncating = try Service(workers: 3, worker: Self.hostile("truncate-memfd"))
            try truncating.master.waitForLine(containing: "truncate-memfd EPERM")
            try writing.stop()
            try truncating.stop()
        }

        @Test func `a process that is no worker's gets no descriptor from the worker socket`() throws {
            let service = try Service(workers: 1)
            let name = try environment(of: service.pid(ofWorker: 1))["MAITRED_WORKER_SOCKET"] ?? ""
            let script = """
                import socket, struct, sys
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                connection.settimeout(10)
                connection.connect("\\0" + sys.argv[1][1:])
                head, rights, _, _ = connection.recvmsg(64, 4096)
                print(struct.unpack("<IHHII", head)[2:], len(rights), len(connection.recv(64)))
                # The close of a socket that lingers would be the master's to wait for: Linux 6.16 and later refuse it.
                other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                other.connect("\\0" + sys.argv[1][1:])
                try: socket.send_fds(other, [b"x"], [0])
                except BrokenPipeError: pass
                except OSError as error: print(error.errno)
                """
            let stranger = try Program("/usr/bin/python3", ["-c", script, name])
            #expect(try stranger.waitExit() == .exited(code: 0), "\(stranger.lines)")
            #expect(stranger.lines.first == "(0, 0, 0) 0 0")
            #expect(stranger.lines.dropFirst().allSatisfy { $0 == "\(EPERM)" }, "\(stranger.lines)")
            try service.stop()
        }

        @Test func `a worker that babbles on its control channel is not listened to any more`() throws {
            let service = try Service(workers: 3, worker: Self.hostile("garbage-control"))
            try service.master.waitForLine(containing: "worker 1 sent a control packet that is refused: ")
            try service.master.waitForLine(containing: "not listening to it any more")
            let run = LoadRun.run(requests: 300, concurrency: 4, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            try service.stop()
        }

        @Test func `a worker that shuts its channel down is replaced, and nothing of it is lost`() throws {
            try withTemporaryDirectory { directory in
                let worker = try Self.hostile("shutdown-channel", once: "\(directory)/was-here")
                let service = try Service(workers: 3, worker: worker)
                let descriptors = openDescriptorCount(of: service.master.pid)
                let run = LoadRun.run(requests: 600, concurrency: 4, service.address)
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                try service.master.waitForLine(containing: "worker 1 shut its connection channel down: replacing it")
                try service.master.waitForLine(containing: "worker 4 ready")
                let after = LoadRun.run(requests: 600, concurrency: 4, service.address)
                #expect(after.failures.isEmpty, "\(after.failures.prefix(3))")
                #expect(Set(after.counts.keys) == ["2", "3", "4"], "\(after.counts)")
                #expect(eventually { openDescriptorCount(of: service.master.pid) == descriptors })
                try service.stop()
            }
        }

        @Test func `a worker that exits as soon as it is ready is tried again with pauses, the others serve`() throws {
            let service = try Service(
                workers: 3,
                ["--max-restarts", "3", "--restart-delay", "50ms"],
                worker: Self.hostile("ready-then-exit"),
                ready: 2
            )
            let run = LoadRun.run(requests: 1000, concurrency: 4, service.address)
            #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
            try service.master.waitForLine(containing: "slot 0 is given up after 3 failed starts in a row")
            let after = LoadRun.run(requests: 500, concurrency: 4, service.address)
            #expect(after.failures.isEmpty, "\(after.failures.prefix(3))")
            #expect(Set(after.counts.keys) == ["2", "3"])
            // The two that live, and nothing left of the four that did not.
            #expect(children(of: service.master.pid).count == 2)
            try service.stop()
        }

        @Test func `a worker that never gets ready is killed and replaced, the others serve`() throws {
            try withTemporaryDirectory { directory in
                let service = try Service(
                    workers: 3,
                    ["--start-timeout", "1s", "--restart-delay", "10ms"],
                    worker: Self.hostile("never-ready", once: "\(directory)/was-here"),
                    ready: 2
                )
                let silent = try service.pid(ofWorker: 1)
                let run = LoadRun.run(requests: 600, concurrency: 4, service.address)
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.counts["1"] == nil)
                try service.master.waitForLine(containing: "worker 1 was not ready within 1.0 s: killed")
                #expect(eventually { !isAlive(silent) })
                try service.master.waitForLine(containing: "worker 4 ready")
                let later = LoadRun.run(requests: 60, concurrency: 2, service.address)
                #expect(later.counts.count == 3, "\(later)")
                try service.stop()
            }
        }

        // MARK: - Processes of a worker

        @Test func `places that a killed process of a worker held come free`() throws {
            let places = 12
            let service = try Service(workers: 1, ["--max-connections", "\(places)"], worker: Self.forking())
            let leader = try service.pid(ofWorker: 1)
            let child = try Self.forkedChild(of: service)
            // While its parent is stopped the child takes everything.
            kill(leader, SIGSTOP)
            var held: [TestClient] = []
            for _ in 0..<places {
                let client = try TestClient(service.address)
                #expect(try client.get("/hold", keepAlive: true).field("pid") == "\(child)")
                held.append(client)
            }
            kill(leader, SIGCONT)
            kill(child, SIGKILL)
            // All places are taken by a process that can say nothing any more: the master finds that out by itself.
            let begun = ContinuousClock.now
            for _ in 0..<places {
                let client = try TestClient(service.address)
                #expect(try client.get("/hold", keepAlive: true).field("pid") == "\(leader)")
                held.append(client)
            }
            #expect(ContinuousClock.now - begun < .seconds(3))
            held.removeAll()
            try service.stop()
        }

        @Test func `the end of its first process is a worker's end: its children are stopped, a successor serves`()
            throws
        {
            let service = try Service(workers: 1, worker: Self.forking())
            let child = try Self.forkedChild(of: service)
            kill(try service.pid(ofWorker: 1), SIGKILL)
            try service.master.waitForLine(containing: "worker 1 left processes behind: stopping them")
            #expect(eventually { !isAlive(child) })
            try service.master.waitForLine(containing: "worker 2 ready")
            #expect(try TestClient.get(from: service.address).field("id") == "2")
            try service.stop()
        }

        private static func forking() throws -> [String] {
            try [ProgramPath.built("maitred-test-worker"), "--mode", "fork-child"]
        }

        private static func forkedChild(of service: Service) throws -> Int32 {
            let line = try service.master.waitForLine(containing: "child pid ")
            return try #require(line.split(separator: " ").last.flatMap { Int32($0) })
        }

        // MARK: - Helpers

        /// The command of a worker of which slot 0 misbehaves.
        ///
        /// - Parameter marker: A file that the first one leaves, so that its successors behave.
        private static func hostile(_ mode: String, once marker: String? = nil) throws -> [String] {
            let isFirst = marker.map { #"! [ -e "\#($0)" ] && : > "\#($0)""# } ?? "true"
            let script =
                #"if [ "$MAITRED_WORKER_SLOT" = 0 ] && \#(isFirst); then exec "$0" --mode \#(mode); else exec "$0"; fi"#
            return ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
        }

        /// What a master has in use.
        private struct Cost {
            let descriptors: Int?
            let resident: UInt64

            init(of master: Program) {
                descriptors = openDescriptorCount(of: master.pid)
                resident = ProcessFiles.residentBytes(of: master.pid) ?? 0
            }
        }

        /// The share of a processor that a master uses while nobody connects, measured over 2 s.
        private static func idleShare(of master: Program) throws -> Double {
            let before = try #require(processorNanoseconds(of: master.pid))
            let begun = ContinuousClock.now
            _ = eventually(within: .seconds(2)) { master.hasEnded }
            let used = try #require(processorNanoseconds(of: master.pid)) - before
            return Double(used) / ((ContinuousClock.now - begun) / .nanoseconds(1))
        }
    }
}
