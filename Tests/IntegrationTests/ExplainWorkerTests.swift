// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// `maitred explain-worker`: what it says of real programs, and that it leaves nothing behind.
    struct ExplainWorkerTests {
        /// What came of a trial.
        private struct Answer {
            let status: MaitredSystem.ExitStatus
            let lines: [String]
            let errors: [String]

            /// The values of all lines with a label.
            func values(_ label: String) -> [String] {
                lines.filter { $0.hasPrefix("\(label): ") }.map { String($0.dropFirst(label.count + 2)) }
            }
        }

        private func explain(_ command: [String], _ options: [String] = ["--start-timeout", "1s"]) throws -> Answer {
            let program = try Program(ProgramPath.built("maitred"), ["explain-worker"] + options + ["--"] + command)
            let status = try program.waitExit(within: .seconds(60))
            #expect(program.descendants.isEmpty)
            let answer = Answer(status: status, lines: program.outputLines, errors: program.errorLines)
            for line in answer.values("process") {
                #expect(line.split(separator: " ").first.flatMap { Int32($0) }.map(isAlive) == false, "\(line)")
            }
            return answer
        }

        /// - Parameter reason: What the reason begins with.
        @discardableResult
        private func expectNoWorker(
            _ command: [String],
            _ options: [String] = ["--start-timeout", "1s"],
            reason: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws -> Answer {
            let answer = try explain(command, options)
            #expect(answer.status == .exited(code: 1), "\(answer)", sourceLocation: sourceLocation)
            #expect(answer.lines.first == "can be a worker: no", "\(answer)", sourceLocation: sourceLocation)
            #expect(answer.values("fed by") == ["nothing"], "\(answer)", sourceLocation: sourceLocation)
            #expect(
                answer.values("reason").first?.hasPrefix(reason) == true,
                "\(answer)",
                sourceLocation: sourceLocation
            )
            #expect(!answer.values("advice").isEmpty, "\(answer)", sourceLocation: sourceLocation)
            return answer
        }

        // MARK: - Workers

        @Test func `a web server that knows nothing of maitred is fed by the library`() throws {
            try withOddPrograms { programs in
                let command = try programs.webServer()
                let answer = try explain(command, [])
                #expect(answer.status == .exited(code: 0), "\(answer)")
                #expect(answer.lines.first == "can be a worker: yes")
                #expect(answer.values("fed by") == ["the preload library"])
                let places = answer.values("listens on")
                #expect(places.count == 1 && places[0].wholeMatch(of: /127\.0\.0\.1:\d+, opened by maitred/) != nil)
                let address = places[0].prefix { $0 != "," }
                #expect(answer.values("process").first?.hasSuffix(" \(command[1])") == true)
                #expect(answer.values("listened after").count == 1 && answer.values("ready after").count == 1)
                #expect(answer.values("test connection to \(address)").first?.hasPrefix("taken after ") == true)
                #expect(answer.values("advice").isEmpty)
            }
        }

        @Test(arguments: ["maitred-demo", "maitred-test-worker", "maitred-test-c-worker"])
        func `a program on an SDK is fed by that, with or without the library`(name: String) throws {
            for options in [[], ["--no-preload"]] {
                let answer = try explain([ProgramPath.built(name)], options)
                #expect(answer.status == .exited(code: 0), "\(answer)")
                #expect(answer.values("fed by") == ["an SDK, or the wire by hand"])
                #expect(answer.values("listened after").isEmpty)
            }
        }

        @Test func `every address gets a connection`() throws {
            try withTemporaryDirectory { directory in
                let socket = "unix:\(directory)/web.sock"
                let answer = try explain(
                    [ProgramPath.built("maitred-test-worker")],
                    ["--listen", socket, "--listen", "[::1]:0"]
                )
                #expect(answer.status == .exited(code: 0), "\(answer)")
                #expect(answer.lines.count { $0.contains(": taken after ") } == 2)
                #expect(answer.values("test connection to \(socket)").count == 1)
            }
        }

        @Test func `a port of its own beside is worth a word`() throws {
            try withOddPrograms { programs in
                let command = try programs.python(
                    """
                    import http.server, os, socket
                    other = socket.create_server(("127.0.0.1", 0))
                    handler = http.server.SimpleHTTPRequestHandler
                    http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), handler).serve_forever()
                    """
                )
                let answer = try explain(command)
                #expect(answer.status == .exited(code: 0), "\(answer)")
                let own = try #require(answer.values("listens on").first { $0.hasSuffix(", opened by itself") })
                let address = own.prefix { $0 != "," }
                #expect(answer.values("advice") == ["of several workers only one can listen on \(address) by itself"])
            }
        }

        @Test func `what the file says of addresses and workers is not used, what it says of variables is`() throws {
            try withOddPrograms { programs in
                let file = "\(programs.directory)/web.conf"
                try writeFile(
                    file,
                    "MAITRED_LISTEN=192.0.2.1:1\nMAITRED_WORKERS=7\nMAITRED_STRATEGY=kernel\nCOLOUR=blue\n"
                )
                let command =
                    ["/bin/sh", "-c", "echo \"$COLOUR $PORT\" >&2; exec \"$0\" \"$@\""] + (try programs.webServer())
                let answer = try explain(command, ["--config", file])
                #expect(answer.status == .exited(code: 0), "\(answer)")
                let words = answer.errors.first { $0.contains("blue ") }?.split(separator: " ") ?? []
                #expect(words.last.map { answer.lines.joined().contains("127.0.0.1:\($0)") } == true, "\(answer)")
            }
        }

        // MARK: - No workers

        @Test func `a static program is told, whether it ends or serves elsewhere`() throws {
            try withOddPrograms { programs in
                let path = try programs.fixed()
                let reason = "it is statically linked: only an SDK makes it a worker"
                let ended = try expectNoWorker([path], reason: reason)
                #expect(ended.values("exited").first?.hasPrefix("exit code 3 after ") == true, "\(ended)")
                let serving = try expectNoWorker([path, "0"], reason: reason)
                #expect(serving.values("ready after") == ["not within 1.0 s"])
                #expect(serving.values("listens on").first?.hasSuffix(", opened by itself") == true)
                try expectNoWorker(["/bin/sh", "-c", "\(path) 0; true"], reason: reason)
            }
        }

        @Test func `a setuid program is told`() throws {
            guard geteuid() == 0 else { return }
            try withOddPrograms { programs in
                let path = try programs.setUser()
                try expectNoWorker([path], reason: "it gets privileges by its file (setuid, ")
                try expectNoWorker([path, "0"], reason: "it gets privileges by its file (setuid, ")
            }
        }

        @Test func `a server elsewhere is told where, and what to say`() throws {
            try withOddPrograms { programs in
                let answer = try expectNoWorker([programs.dynamic(), "0"], reason: "it listens on 127.0.0.1:")
                let place = try #require(answer.values("listens on").first)
                let port = try #require(place.firstMatch(of: /:(\d+), opened by itself/).map { String($0.1) })
                #expect(answer.values("reason")[0].hasSuffix(":\(port) instead: give it $PORT, or --app-port \(port)"))
            }
        }

        @Test func `an empty environment is told, by whoever it was emptied`() throws {
            try withOddPrograms { programs in
                let path = try programs.dynamic()
                let reason = "its environment was cleared, so the library is not loaded"
                try expectNoWorker(["/usr/bin/env", "-i", path], reason: reason)
                try expectNoWorker(["/bin/sh", "-c", "env -i \(path) 0; true"], reason: reason)
            }
        }

        @Test func `who never listens is told so`() throws {
            let answer = try expectNoWorker(
                ["/bin/sleep", "600"],
                reason: "it did not listen on an address of maitred's"
            )
            #expect(answer.values("listens on") == ["nothing"])
            #expect(answer.values("process").first?.hasSuffix(" /bin/sleep 600") == true)
        }

        @Test func `behind a Unix socket nobody is told of a port`() throws {
            try withTemporaryDirectory { directory in
                let answer = try expectNoWorker(
                    ["/bin/sleep", "600"],
                    ["--start-timeout", "500ms", "--listen", "unix:\(directory)/web.sock"],
                    reason: "it did not listen on an address of maitred's"
                )
                #expect(!answer.lines.contains { $0.contains("PORT") }, "\(answer)")
            }
        }

        @Test func `who listens and never accepts is told so`() throws {
            try withOddPrograms { programs in
                let answer = try expectNoWorker(
                    programs.deaf(),
                    ["--start-timeout", "3s"],
                    reason: "it listens and takes no connection"
                )
                #expect(answer.values("listened after").count == 1)
                #expect(answer.values("ready after") == ["not within 3.0 s"])
            }
        }

        @Test func `who ends is told with what, and what it wrote is on standard error`() throws {
            let answer = try expectNoWorker(
                ["/bin/sh", "-c", "echo out; echo problem >&2; exit 7"],
                reason: "it ended before it was ready"
            )
            #expect(answer.values("exited").first?.hasPrefix("exit code 7 after ") == true)
            #expect(
                answer.errors.contains { $0.hasSuffix("out") } && answer.errors.contains { $0.hasSuffix("problem") }
            )
        }

        @Test func `who goes into the background is told so, and found there`() throws {
            try withOddPrograms { programs in
                try expectNoWorker(programs.daemon(), reason: "daemonised: run it in the foreground")
                try expectNoWorker(["/bin/sh", "-c", "sleep 600 &"], reason: "daemonised: run it in the foreground")
            }
        }

        @Test func `without the library and an SDK there is nothing to wait for`() throws {
            try expectNoWorker(
                ["/bin/sleep", "600"],
                ["--no-preload", "--start-timeout", "200ms"],
                reason: "no SDK said that it is ready, and --no-preload keeps the library out"
            )
        }

        @Test func `what cannot be run is told why, and what would be right`() throws {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/server"
                try writeFile(file, "echo hello", mode: 0o755)
                try writeFile("\(file)2", "#!/nonexistent/sh\n", mode: 0o755)
                try writeFile("\(file)3", "#!/bin/sh\n", mode: 0o644)
                for (command, reason, advice) in [
                    ("/nonexistent", "no such file", "give the path of a program"),
                    ("no-such-server", "not found in PATH", "give the path of a program"),
                    (directory, "it is a directory", "give the path of a program"),
                    (file, "it is no program, and a script needs a first line", "add a line like #!/bin/sh"),
                    ("\(file)2", "the interpreter '/nonexistent/sh'", "install it, or change that line"),
                    ("\(file)3", "it may not be executed", "check its permissions (chmod +x)"),
                ] {
                    let answer = try expectNoWorker([command], reason: "cannot run '\(command)': \(reason)")
                    #expect(answer.errors.isEmpty && answer.values("advice")[0].hasPrefix(advice), "\(answer)")
                }
                let answer = try explain([file], ["--json"])
                let json = try JSONValue(answer.lines.joined(separator: "\n"))
                #expect(answer.status == .exited(code: 1) && answer.errors.isEmpty)
                #expect(json["cause"]?.text == "cannot-run" && json["canBeWorker"] == .flag(false))
                #expect(json["advice"]?.elements.compactMap(\.text) == ["add a line like #!/bin/sh"])
            }
        }

        @Test(arguments: ["explain-worker --json", "explain-worker", "check --listen 127.0.0.1:0"])
        func `a full disk is one line`(command: String) throws {
            let script = "exec \"$0\" \(command) -- /bin/true >/dev/full"
            let program = try Program("/bin/sh", ["-c", script, ProgramPath.built("maitred")])
            #expect(try program.waitExit(within: .seconds(30)) == .exited(code: 1))
            #expect(
                program.lines == [
                    "maitred: cannot write to standard output: No space left on device (ENOSPC)"
                ]
            )
        }

        // MARK: - Use

        @Test func `everything is there as JSON`() throws {
            try withOddPrograms { programs in
                let command = try [programs.dynamic(), "0"]
                let answer = try explain(command, ["--json", "--start-timeout", "500ms"])
                #expect(answer.status == .exited(code: 1))
                let json = try JSONValue(answer.lines.joined(separator: "\n"))
                #expect(json["version"]?.whole == 1 && json["canBeWorker"] == .flag(false))
                #expect(json["fedBy"]?.text == "nothing" && json["cause"]?.text == "listens-elsewhere")
                #expect(json["command"]?.elements.compactMap(\.text) == command)
                #expect(json["ownListeners"]?.elements.count == 1 && json["listeners"]?.elements.count == 1)
                let process = try #require(json["processes"]?.elements.first)
                #expect(process["command"]?.text == command.joined(separator: " "))
                #expect(process["hasLibrary"] == .flag(true))
                #expect(json["startTimeout"]?.number == 0.5 && json["readyAfter"] == nil)
            }
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func `a signal cleans up`(signal: Int32) throws {
            let program = try Program(ProgramPath.built("maitred"), ["explain-worker", "--", "/bin/sleep", "613"])
            #expect(eventually { program.descendants.contains { readFile("/proc/\($0)/comm") == "sleep\n" } })
            program.signal(signal)
            #expect(try program.waitExit(within: .seconds(30)) == .exited(code: 128 + signal))
            #expect(program.descendants.isEmpty && program.outputLines.isEmpty)
        }

        @Test(
            arguments: [
                ([], 64, "no command"), (["./server"], 64, "as in 'maitred explain-worker -- ./server'"),
                (["--start-timeout", "5", "--", "true"], 64, "--start-timeout: '5' has no unit"),
                (["--jsno", "--", "true"], 64, "unknown option '--jsno'"),
                (["--listen", "192.0.2.1:80", "--", "true"], 1, "cannot listen on 192.0.2.1:80: "),
            ] as [([String], Int32, String)]
        )
        func `wrong use is one line`(arguments: [String], status: Int32, line: String) throws {
            let program = try Program(ProgramPath.built("maitred"), ["explain-worker"] + arguments)
            #expect(try program.waitExit() == .exited(code: status))
            #expect(program.outputLines.isEmpty && program.errorLines.count == 1, "\(program.lines)")
            #expect(program.errorLines.first?.contains(line) == true, "\(program.lines)")
        }
    }
}
