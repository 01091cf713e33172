// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// A second master where one of the same name, or with the same control socket, runs already.
    struct SecondMasterTests {
        private static let listen = ["serve", "--workers", "1", "--listen", "127.0.0.1:0"]

        /// Where a master of this user has its socket.
        private func socket(_ name: String, in directory: String) -> String {
            (geteuid() == 0 ? "/run/maitred" : "\(directory)/maitred") + "/\(name)/control.sock"
        }

        private func start(_ options: [String], _ program: String, in directory: String) throws -> Program {
            try Program(
                ProgramPath.built("maitred"),
                Self.listen + options + ["--", program],
                environment: ["XDG_RUNTIME_DIR": directory, "RUNTIME_DIRECTORY": ""]
            )
        }

        /// Runs a body with the name of a program that no other master has.
        private func withProgram(_ body: (_ name: String, _ path: String, _ directory: String) throws -> Void) throws {
            try withTemporaryDirectory { directory in
                let name = "second-\(getpid())"
                let path = "\(directory)/\(name)"
                #expect(try symlink(ProgramPath.built("maitred-test-worker"), path) == 0)
                try body(name, path, directory)
            }
        }

        private func stop(_ master: Program) throws {
            master.signal(SIGTERM)
            #expect(try master.waitExit() == .exited(code: 0))
        }

        @Test func `without a name the second is called the next free one, after a reload too`() throws {
            try withProgram { name, path, directory in
                let first = try start([], path, in: directory)
                try first.waitForLine(containing: " ready")
                let second = try start([], path, in: directory)
                try second.waitForLine(containing: " ready")
                #expect(
                    second.errorLines.contains {
                        $0.contains("the master '\(name)' (process \(first.pid)) has the name '\(name)' already")
                            && $0.contains("this one is '\(name)-2' in commands")
                    },
                    "\(second.errorLines)"
                )
                let control = socket("\(name)-2", in: directory)
                for command in [["reload", "--wait"], ["status"]] {
                    let answer = try Program(ProgramPath.built("maitred"), command + ["--control", control])
                    #expect(try answer.waitExit() == .exited(code: 0), "\(answer.lines)")
                    if command == ["status"] { #expect(answer.outputLines.first?.contains("\(name)-2") == true) }
                }
                #expect(!second.errorLines.contains { $0.contains("take effect") }, "\(second.errorLines)")
                try stop(first)
                try stop(second)
                #expect(access(control, F_OK) != 0)
            }
        }

        @Test func `a name that was given belongs to one master`() throws {
            try withProgram { name, path, directory in
                let first = try start(["--name", name], path, in: directory)
                try first.waitForLine(containing: " ready")
                let web = "unix:\(directory)/web.sock"
                let second = try start(["--name", name, "--listen", web], path, in: directory)
                #expect(try second.waitExit() == .exited(code: 1))
                #expect(
                    second.lines == [
                        "maitred: --name: the master '\(name)' (process \(first.pid)) has the name '\(name)' already: "
                            + "give another name, or stop that one"
                    ]
                )
                #expect(access("\(directory)/web.sock", F_OK) != 0)
                try stop(first)
            }
        }

        @Test func `so does a path that was given`() throws {
            try withControlled(workers: 1, ["--name", "first"]) { service in
                let second = try Program(
                    ProgramPath.built("maitred"),
                    Self.listen + ["--control", service.path, "--", "sleep", "100"]
                )
                #expect(try second.waitExit() == .exited(code: 1))
                #expect(
                    second.lines == [
                        "maitred: --control: the master 'first' (process \(service.service.master.pid)) has "
                            + "\(service.path) already: give another path, or stop that one"
                    ]
                )
                try service.stop()
            }
        }
    }
}
