// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// `maitred check`: what it says about a configuration, and with which exit status.
    struct CheckTests {
        private func check(_ arguments: [String], status: Int32, _ lines: [String]) throws {
            let program = try Program(ProgramPath.built("maitred"), ["check"] + arguments)
            #expect(try program.waitExit() == .exited(code: status))
            #expect(program.outputLines == lines)
            #expect(program.errorLines.isEmpty)
        }

        @Test func `what would start is ok, and nothing is left behind`() throws {
            try withTemporaryDirectory { directory in
                let socket = "\(directory)/web.sock"
                try check(
                    ["--listen", "127.0.0.1:0", "--listen", "unix:\(socket)", "--", "true"],
                    status: 0,
                    [
                        "configuration ok"
                    ]
                )
                #expect(access(socket, F_OK) != 0)
            }
        }

        @Test func `every problem is a line`() throws {
            let names = ["--worker-user", "no-such-user", "--control-group", "no-such-group"]
            let program = try Program(
                ProgramPath.built("maitred"),
                ["check", "--listen", "unix:/nonexistent/a"] + names + ["--", "/nonexistent/server"]
            )
            #expect(try program.waitExit() == .exited(code: 1))
            let problems = program.outputLines.filter { $0.hasPrefix("problem: ") }
            #expect(
                problems == [
                    "problem: cannot listen on unix:/nonexistent/a: "
                        + "there is no directory /nonexistent: make it, or give another path",
                    "problem: cannot run '/nonexistent/server': no such file",
                    "problem: worker-user: there is no user 'no-such-user' on this machine",
                    "problem: control-group: there is no group 'no-such-group' on this machine",
                ]
            )
            #expect(!program.outputLines.contains("configuration ok"))
        }

        @Test func `what serve could not use is a problem here too`() throws {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/server"
                try writeFile(file, "echo hello\n", mode: 0o755)
                let lines = [
                    "problem: cannot listen on unix:\(file): "
                        + "there is a file at \(file) that is no socket: remove it, or give another path",
                    "problem: cannot run '\(file)': it is no program, and a script needs a first line that says what runs "
                        + "it: add a line like #!/bin/sh",
                    "problem: control: cannot listen on unix:\(directory)/no/c.sock: "
                        + "there is no directory \(directory)/no: make it, or give another path",
                ]
                let control = ["--control", "\(directory)/no/c.sock"]
                try check(["--listen", "unix:\(file)"] + control + ["--", file], status: 1, lines)
            }
        }

        @Test func `the control socket of a running master is a warning`() throws {
            try withControlled(workers: 1) { service in
                try check(
                    ["--listen", "127.0.0.1:0", "--control", service.path, "--", "true"],
                    status: 0,
                    [
                        "warning: control: a master listens on \(service.path): serve can start once it is free",
                        "configuration ok",
                    ]
                )
                try service.stop()
            }
        }

        @Test func `an address that is served already is a warning`() throws {
            let service = try Service(workers: 1)
            let address = "\(service.address)"
            try check(
                ["--listen", address, "--", "true"],
                status: 0,
                [
                    "warning: \(address) is in use: serve can start once it is free", "configuration ok",
                ]
            )
        }

        @Test func `a program that can hardly be a worker is a warning, unless an SDK is counted on`() throws {
            try withOddPrograms { programs in
                let path = try programs.fixed()
                let options = ["--listen", "127.0.0.1:0"]
                let line = "warning: worker program \(path) is statically linked: it is no worker unless it uses an SDK"
                try check(options + ["--", path], status: 0, [line, "configuration ok"])
                try check(options + ["--no-preload", "--", path], status: 0, ["configuration ok"])
            }
        }

        @Test func `without an address it depends on systemd`() throws {
            try check(
                ["--", "true"],
                status: 0,
                [
                    "warning: nothing to listen on: without --listen systemd has to pass a socket", "configuration ok",
                ]
            )
        }

        @Test func `wrong use is told as by serve`() throws {
            let program = try Program(ProgramPath.built("maitred"), ["check", "--queue-depth", "99", "--", "true"])
            #expect(try program.waitExit() == .exited(code: 64))
            #expect(
                program.errorLines == [
                    "maitred: --queue-depth: '99' is out of range: give a whole number from 1 to 64"
                ]
            )
            #expect(program.outputLines.isEmpty)
        }
    }
}
