// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// `--worker-user`: workers that can do nothing to their master.
    struct WorkerUserTests {
        private static let isRoot = geteuid() == 0

        @Test(.enabled(if: isRoot, "only root can start workers as somebody else"))
        func `workers run as the user with that user's groups, serve, and cannot reach their master`() throws {
            try withTemporaryDirectory { directory in
                // Wherever the programs were built, that user may not be allowed to look.
                chmod(directory, 0o755)
                let program = "\(directory)/worker"
                try copyProgram(try ProgramPath.built("maitred-test-worker"), to: program)
                let user = try #require(account("nobody"))
                let script = #"""
                    kill -TERM $PPID; echo "signalled $?"
                    cat /proc/$PPID/environ > /dev/null; echo "looked $?"
                    (: > /proc/$PPID/mem); echo "wrote $?"
                    echo "user $(id -u) group $(id -g) groups $(id -G)"
                    exec "$0"
                    """#
                let service = try Service(
                    workers: 2,
                    ["--worker-user", "nobody", "--control", "\(directory)/control.sock"],
                    worker: ["/bin/sh", "-c", script, program]
                )
                let lines = service.master.outputLines
                #expect(lines.count { $0 == "signalled 1" } == 2, "\(lines)")
                #expect(lines.count { $0 == "looked 1" } == 2, "\(lines)")
                #expect(!lines.contains("wrote 0"), "\(lines)")
                let groups = "\(user.groups.map(String.init).joined(separator: " "))"
                let identity = "user \(user.user) group \(user.group) groups \(groups)"
                #expect(lines.count { $0 == identity } == 2, "\(identity); \(lines)")
                for id in 1...2 {
                    let status = try readFile("/proc/\(service.pid(ofWorker: id))/status") ?? ""
                    let ids = Array(repeating: "\(user.user)", count: 4).joined(separator: "\t")
                    #expect(status.contains("\nUid:\t\(ids)\n"))
                    #expect(status.contains("\nCapEff:\t0000000000000000\n"))
                }
                let run = LoadRun.run(requests: 200, concurrency: 4, service.address)
                #expect(run.failures.isEmpty && run.counts.count == 2, "\(run)")
                service.master.signal(SIGHUP)
                try service.master.waitForLine(containing: "reloaded in")
                #expect(LoadRun.run(requests: 40, concurrency: 2, service.address).failures.isEmpty)
                // The master can still do to them what it must.
                let stopped = try service.pid(ofWorker: 3)
                kill(stopped, SIGKILL)
                try service.master.waitForLine(containing: "worker 5 ready")
                try service.stop()
            }
        }

        @Test(.enabled(if: isRoot, "only root can start workers as somebody else"))
        func `a user that does not exist is said before anything is opened`() throws {
            let program = try Program(
                ProgramPath.built("maitred"),
                ["serve", "--listen", "127.0.0.1:0", "--control", "none", "--worker-user", "no-such", "--", "true"]
            )
            #expect(try program.waitExit() == .exited(code: 1))
            #expect(program.lines == ["maitred: --worker-user: no such user 'no-such'"])
        }

        @Test(.enabled(if: isRoot, "only root can become somebody else"))
        func `a master that is not root's says that it cannot`() throws {
            try withTemporaryDirectory { directory in
                chmod(directory, 0o755)
                let program = "\(directory)/maitred"
                try copyProgram(try ProgramPath.built("maitred"), to: program)
                let master = try Program(
                    "/usr/bin/setpriv",
                    [
                        "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "serve", "--listen",
                        "127.0.0.1:0", "--control", "none", "--worker-user", "nobody", "--", "true",
                    ]
                )
                #expect(try master.waitExit() == .exited(code: 1))
                let reason = "only root can start workers as another user"
                #expect(master.lines == ["maitred: --worker-user nobody: \(reason)"])
            }
        }

        // MARK: - Helpers

        private struct Account {
            let user: UInt32
            let group: UInt32
            let groups: [UInt32]
        }

        private func account(_ name: String) -> Account? {
            guard let entry = getpwnam(name)?.pointee else { return nil }
            var groups = [gid_t](repeating: 0, count: 256)
            var count = Int32(groups.count)
            guard getgrouplist(name, entry.pw_gid, &groups, &count) >= 0 else { return nil }
            return Account(user: entry.pw_uid, group: entry.pw_gid, groups: Array(groups.prefix(Int(count))))
        }

        private func copyProgram(_ source: String, to target: String) throws {
            let copy = try Program("/bin/cp", [source, target])
            #expect(try copy.waitExit() == .exited(code: 0), "\(copy.lines)")
        }
    }
}
