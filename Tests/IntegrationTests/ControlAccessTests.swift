// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Who may talk to a master: its own user and root, but nobody from inside its workers.
    struct ControlAccessTests {
        private static let isRoot = geteuid() == 0

        @Test(arguments: [
            #""$1" status --control "$2""#, #"setsid "$1" status --control "$2""#,
            // The one in between is gone: whoever is left has the master as its parent.
            #"(setsid sh -c 'sleep 0.1; "$1" status --control "$2"; echo "ended with $?"' sh "$1" "$2" &); true"#,
        ])
        func `a worker's process may not control its own master`(call: String) throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/control.sock"
                let script = #"\#(call); echo "ended with $?"; exec "$0""#
                let worker = [
                    "/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker"),
                    try ProgramPath.built("maitred"), path,
                ]
                let service = try Service(workers: 1, worker: worker, control: path)
                try service.master.waitForLine(containing: "ended with 1")
                #expect(service.master.errorLines.contains("maitred: a worker may not control its own maitred"))
                #expect(!service.master.lines.contains { $0.contains("WORKER") })
                try service.stop()
            }
        }

        @Test(.enabled(if: isRoot, "only root can become somebody else"))
        func `another user may not, unless it is in the control group`() throws {
            try withTemporaryDirectory { directory in
                chmod(directory, 0o755)
                let maitred = "\(directory)/maitred"
                let copy = try Program("/bin/cp", [ProgramPath.built("maitred"), maitred])
                #expect(try copy.waitExit() == .exited(code: 0))
                let path = "\(directory)/control.sock"
                let status = [maitred, "status", "--control", path]
                let service = try Service(workers: 1, control: path)
                let barred = try Self.asNobody(group: "65534", status)
                #expect(try barred.waitExit() == .exited(code: 1))
                #expect(barred.outputLines.isEmpty && barred.errorLines.count == 1, "\(barred.lines)")
                // With the file open to all it is the master that asks.
                chmod(path, 0o666)
                let refused = try Self.asNobody(group: "65534", status)
                #expect(try refused.waitExit() == .exited(code: 1))
                #expect(refused.lines == ["maitred: this user may not control maitred"])
                try service.stop()

                let shared = try Service(workers: 1, ["--control-group", "daemon"], control: path)
                #expect(fileMode(path) == 0o660)
                let group = try #require(getgrnam("daemon")?.pointee.gr_gid)
                let allowed = try Self.asNobody(group: "\(group)", status)
                #expect(try allowed.waitExit() == .exited(code: 0), "\(allowed.lines)")
                #expect(try Self.asNobody(group: "65534", status).waitExit() == .exited(code: 1))
                try shared.stop()
            }
        }

        private static func asNobody(group: String, _ command: [String]) throws -> Program {
            try Program("/usr/bin/setpriv", ["--reuid", "65534", "--regid", group, "--clear-groups"] + command)
        }
    }
}
