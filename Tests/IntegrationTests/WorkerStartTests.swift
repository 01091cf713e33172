// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// What a worker process gets from the master, and what it must not get.
    struct WorkerStartTests {
        @Test func `a worker's variables are the master's, without what was meant for the master`() throws {
            let service = try Service(
                listen: ["127.0.0.1:0", "[::1]:0"],
                workers: 2,
                worker: ["/bin/sleep", "100"],
                ready: 0,
                environment: [
                    "GREETING": "good evening", "PORT": "1", "MAITRED_LOG_LEVEL": "debug", "MAITRED_WORKER_ID": "77",
                    "NOTIFY_SOCKET": "/nonexistent/notify", "WATCHDOG_USEC": "600000000", "LISTEN_FDNAMES": "web",
                    "LISTEN_PID": "1", "LISTEN_FDS": "1",
                ]
            )
            guard case .ipv4(_, let port) = service.address else {
                Issue.record("no IPv4")
                return
            }
            for id in 1...2 {
                let variables = environment(of: try service.pid(ofWorker: id))
                #expect(variables["GREETING"] == "good evening")
                #expect(variables["PORT"] == "\(port)")
                #expect(variables["MAITRED_WORKER_ID"] == "\(id)")
                #expect(variables["MAITRED_WORKER_SLOT"] == "\(id - 1)")
                #expect(variables["MAITRED_LISTENERS"] == "0=\(service.addresses[0]),1=\(service.addresses[1])")
                let foreign = variables.keys.filter { name in
                    name.hasPrefix("LISTEN_") || name.hasPrefix("WATCHDOG_") || name == "NOTIFY_SOCKET"
                        || name == "MAITRED_LOG_LEVEL"
                }
                #expect(foreign.isEmpty, "\(foreign)")
            }
            try service.stop()
        }

        @Test func `a worker has its channels, control channel and page, and nothing else`() throws {
            // The master is started with two strangers as 3 and 4.
            let strangers = [open("/etc/passwd", O_RDONLY | O_CLOEXEC), open("/etc/group", O_RDONLY | O_CLOEXEC)]
            defer { for number in strangers { close(number) } }
            let master = try Program(
                ProgramPath.built("maitred"),
                [
                    "serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--workers", "2", "--", "sleep",
                    "100",
                ],
                descriptors: strangers
            )
            for id in 1...2 {
                let line = try master.waitForLine(containing: "worker \(id) started")
                let pid = try #require(line.firstMatch(of: /pid=(\d+)/).flatMap { Int32($0.1) })
                // Until it is `sleep`, what is seen is the child of a spawn that is not finished.
                #expect(eventually { readFile("/proc/\(pid)/comm") == "sleep\n" })
                let descriptors = openDescriptors(of: pid)
                #expect(descriptors.keys.sorted() == Array(0...6), "\(descriptors)")
                #expect(descriptors[0] == "/dev/null")
                #expect(descriptors[6]?.hasPrefix("/memfd:") == true)
                let variables = environment(of: pid)
                let sockets = (3...5).map { inode(descriptors[$0]) }
                #expect(variables["MAITRED_HANDOFF_FDS"] == "0:3:\(sockets[0]),1:4:\(sockets[1])")
                #expect(variables["MAITRED_CONTROL_FD"] == "5:\(sockets[2])")
                #expect(variables["MAITRED_LOAD_FD"]?.hasPrefix("6:") == true)
                #expect(Set(sockets).count == 3)
            }
            master.signal(SIGTERM)
            #expect(try master.waitExit() == .exited(code: 0))
        }

        @Test func `a worker's limit on files is the one maitred was started with, or the one asked for`() throws {
            let master = try ProgramPath.built("maitred")
            let command = #"ulimit -Sn 512; exec "$0" serve --listen 127.0.0.1:0 --workers 1 "$@" -- sleep 100"#
            for (options, limit) in [
                ([], "512"), (["--worker-nofile", "300"], "300"), (["--worker-nofile", "none"], "512"),
            ] {
                let program = try Program("/bin/sh", ["-c", command, master] + options)
                let line = try program.waitForLine(containing: "worker 1 started")
                let pid = try #require(line.firstMatch(of: /pid=(\d+)/).flatMap { Int32($0.1) })
                #expect(softDescriptorLimit(of: pid) == limit)
                #expect(softDescriptorLimit(of: program.pid) != "512", "the master's own is raised")
            }
        }

        @Test func `a worker has a process group of its own, default signals, and the master as its parent`() throws {
            let ignoring = #"trap '' INT PIPE USR1; exec "$0" serve --listen 127.0.0.1:0 --workers 1 -- sleep 100"#
            let program = try Program("/bin/sh", ["-c", ignoring, ProgramPath.built("maitred")])
            let line = try program.waitForLine(containing: "worker 1 started")
            let pid = try #require(line.firstMatch(of: /pid=(\d+)/).flatMap { Int32($0.1) })
            #expect(getpgid(pid) == pid)
            #expect(ProcessFiles.status(of: pid)?.parent == program.pid)
            #expect(eventually { readFile("/proc/\(pid)/comm") == "sleep\n" })
            #expect(signals("SigBlk", of: pid) == 0)
            #expect(signals("SigIgn", of: pid) == 0)
        }

        /// A mask of `/proc/PID/status`, without signals 32 and 33, which are the C library's own.
        private func signals(_ mask: String, of pid: Int32) -> UInt64? {
            let line = readFile("/proc/\(pid)/status")?.split(separator: "\n").first { $0.hasPrefix("\(mask):\t") }
            return line.flatMap { UInt64($0.dropFirst(mask.count + 2), radix: 16) }.map { $0 & 0x7FFF_FFFF }
        }

        private func inode(_ target: String?) -> String {
            target?.firstMatch(of: /^socket:\[(\d+)\]$/).map { String($0.1) } ?? "no socket"
        }

        private func softDescriptorLimit(of pid: Int32) -> String? {
            let line = readFile("/proc/\(pid)/limits")?.split(separator: "\n").first { $0.hasPrefix("Max open files") }
            return line.map { String($0.split(separator: " ")[3]) }
        }
    }
}
