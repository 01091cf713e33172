// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// What a person meets at a terminal: mistakes, failures to start, help, and where settings come from.
    struct CommandLineTests {
        // MARK: - Wrong use

        @Test(
            arguments: [
                (["serve"], "no command: give it after '--', as in 'maitred serve --listen :8080 -- ./server'"),
                (["serve", "--listen", ":0", "true"], "unexpected argument 'true': put the command after '--'"),
                (["serve", "--lisen", ":0", "--", "true"], "unknown option '--lisen': did you mean '--listen'?"),
                (["serve", "--bogus", "--", "true"], "unknown option '--bogus': see 'maitred serve --help'"),
                (["serve", "--queue-depth", "65", "--", "true"], "--queue-depth: '65' is out of range: give"),
                (["serve", "--workers", "0", "--", "true"], "--workers: '0' is out of range: give"),
                (["serve", "--stall-timeout", "5", "--", "true"], "--stall-timeout: '5' has no unit: add one of"),
                (["serve", "--strategy", "least-conections", "--", "true"], "did you mean 'least-connections'?"),
                (["serve", "--stop-signal", "TREM", "--", "true"], "--stop-signal: 'TREM'"),
                (["serve", "--listen", "127.0.0.1:99999", "--", "true"], "port '99999' is out of range"),
                (["serve", "--listen", "unix:", "--", "true"], "--listen: "),
                (["serve", "--listen", ":80", "--listen", ":80", "--", "true"], "is given twice: leave one out"),
                (
                    ["serve", "--config", "/nonexistent/file", "--", "true"],
                    "--config: cannot read /nonexistent/file: "
                ),
                (["serv", "--listen", ":0", "--", "true"], "unknown command 'serv': did you mean 'serve'?"),
                (["statsu"], "unknown command 'statsu': did you mean 'status'?"),
                (["hlep"], "unknown command 'hlep': did you mean 'help'?"),
                (["help", "serv"], "unknown command 'serv': did you mean 'serve'?"),
                (["fly"], "unknown command 'fly': see 'maitred --help'"),
                (["bench", "laod"], "unknown command 'laod': did you mean 'load'?"),
                (["help", "bench", "it"], "unknown command 'it': see 'maitred bench --help'"),
                (["bench", "load"], "missing expected argument '<URL>': see 'maitred bench load --help'"),
                (["serve", "--listen", "::1:8080", "--", "true"], "write '[::1]:8080'"),
            ])
        func `wrong use is one line that says what would be right, and exit 64`(
            arguments: [String],
            line: String
        ) throws {
            try expectUsageError(arguments, line: line)
        }

        @Test(
            arguments: [
                (
                    "MAITRED_WORKERS=1\nMAITRED_QUEUE=3\n",
                    "2: MAITRED_QUEUE is not a setting: did you mean MAITRED_QUEUE_DEPTH?"
                ),
                ("# first\nMAITRED_WORKERS=many\n", "2: MAITRED_WORKERS: 'many'"),
                ("MAITRED_WORKERS\n", "1: there is no '='"),
                ("MAITRED_WORKER_ID=1\n", "1: MAITRED_WORKER_ID is set by maitred for each worker: leave it out"),
            ])
        func `a wrong line of the configuration file is named by file and line`(text: String, problem: String) throws {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/web.conf"
                try writeFile(file, text)
                try expectUsageError(["serve", "--config", file, "--", "true"], line: "maitred: \(file):\(problem)")
            }
        }

        @Test func `a wrong variable is named even where a flag overrides it`() throws {
            try expectUsageError(
                ["serve", "--workers", "2", "--", "true"],
                environment: ["MAITRED_WORKERS": "-1"],
                line: "maitred: MAITRED_WORKERS: '-1' is out of range"
            )
        }

        // MARK: - What cannot work

        @Test(
            arguments: [
                ("/nonexistent/server", "cannot run '/nonexistent/server': no such file"),
                ("nonexistent-server", "cannot run 'nonexistent-server': not found in PATH"),
                ("/tmp", "cannot run '/tmp': it is a directory"),
                ("/etc/passwd", "cannot run '/etc/passwd': it may not be executed"),
            ])
        func `a command that cannot be run is one line and exit 1`(command: String, line: String) throws {
            try expectStartFailure(["--listen", "127.0.0.1:0", "--", command], line: line)
        }

        @Test(
            arguments: [
                ("unix:/nonexistent/web.sock", "there is no directory /nonexistent"),
                ("unix:/sys/web.sock", "(EPERM)"),
                ("unix:/etc/passwd", "there is a file at /etc/passwd that is no socket"),
                ("192.0.2.1:80", "Cannot assign requested address (EADDRNOTAVAIL)"),
            ])
        func `an address that cannot be listened on is one line and exit 1`(address: String, reason: String) throws {
            let line = try expectStartFailure(["--listen", address, "--", "sleep", "100"], line: reason)
            #expect(line.hasPrefix("maitred: cannot listen on \(address): "), "\(line)")
        }

        @Test func `nothing to listen on is one line and exit 1`() throws {
            try expectStartFailure(["--", "sleep", "100"], line: "nothing to listen on: give --listen ADDRESS")
        }

        @Test func `when the second address is in use the first is free again`() throws {
            try withTemporaryDirectory { directory in
                let taken = try ListeningSocket.open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions())
                let first = "unix:\(directory)/web.sock"
                let line = try expectStartFailure(
                    ["--listen", first, "--listen", taken.address.description, "--", "sleep", "100"],
                    line: "cannot listen on \(taken.address): Address already in use (EADDRINUSE)"
                )
                #expect(!line.contains(first))
                #expect(directoryEntries(directory).isEmpty)
            }
        }

        @Test func `a second start on the same address fails, and the first goes on serving`() throws {
            let service = try Service(workers: 1)
            try expectStartFailure(
                ["--listen", service.address.description, "--", "sleep", "100"],
                line: "cannot listen on \(service.address): Address already in use (EADDRINUSE)"
            )
            #expect(try TestClient.get(from: service.address).status == 200)
            try service.stop()
        }

        @Test(
            arguments: [
                ("#!/nonexistent/sh\n", "'/nonexistent/sh' that the first line of the file names does not exist"),
                ("#!/bin/sh\r\n", "ends with a carriage return"), ("#!/tmp\n", "is a directory"),
                ("echo hello\n", "add a line like #!/bin/sh"), ("", "add a line like #!/bin/sh"),
            ]
        )
        func `a file that the system refuses to run is one line and exit 1`(text: String, line: String) throws {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/server"
                try writeFile(file, text, mode: 0o755)
                try expectStartFailure(["--listen", "127.0.0.1:0", "--", file], line: "cannot run '\(file)': ")
                try expectStartFailure(["--listen", "127.0.0.1:0", "--", file], line: line)
            }
        }

        @Test func `a file that cannot be run any more gives every slot up`() throws {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/server"
                try writeFile(file, "#!/bin/sh\necho '#!/nonexistent/sh' > \"$0\"\nexit 1\n", mode: 0o755)
                let service = try Service(
                    workers: 1,
                    ["--max-restarts", "2", "--restart-delay", "10ms"],
                    worker: [file],
                    ready: 0
                )
                #expect(try service.master.waitExit() == .exited(code: 1))
                let words = "cannot start a worker for slot 0: cannot run \(file): the interpreter '/nonexistent/sh'"
                #expect(service.master.errorLines.contains { $0.contains(words) })
            }
        }

        @Test func `a command that always fails is tried with growing pauses, then given up`() throws {
            let begun = ContinuousClock.now
            let service = try Service(
                workers: 2,
                ["--max-restarts", "3", "--restart-delay", "200ms"],
                worker: ["/bin/sh", "-c", "exit 3"],
                ready: 0
            )
            #expect(try service.master.waitExit() == .exited(code: 1))
            let time = ContinuousClock.now - begun
            // 200 ms after the first failure, 300 ms after the second, none after the third.
            #expect(time >= .milliseconds(500) && time < .seconds(5), "\(time)")
            let lines = service.master.errorLines
            #expect(lines.count { $0.contains("exited: exit code 3") } == 6)
            for slot in 0...1 {
                for pause in ["200 ms", "300 ms"] {
                    #expect(lines.count { $0.contains("slot \(slot) failed to start: next try in \(pause)") } == 1)
                }
                #expect(lines.count { $0.contains("slot \(slot) is given up after 3 failed starts in a row") } == 1)
            }
            #expect(lines.contains { $0.contains("every slot has failed: nothing can be served") })
            #expect(service.master.descendants.isEmpty)
            #expect(throws: TestFailure.self) { try TestClient(service.address) }
        }

        // MARK: - Help

        @Test func `version and help go to standard output`() throws {
            let version = try Program(ProgramPath.built("maitred"), ["--version"])
            #expect(try version.waitExit() == .exited(code: 0))
            #expect(version.lines.count == 1)
            #expect(version.outputLines.first?.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
            for arguments in [["--help"], ["serve", "--help"], ["help", "serve"], ["explain-worker", "--help"]] {
                let help = try Program(ProgramPath.built("maitred"), arguments)
                #expect(try help.waitExit() == .exited(code: 0))
                #expect(help.errorLines.isEmpty)
                #expect(help.outputLines.allSatisfy { $0.count <= 80 }, "wider than a terminal")
            }
        }

        @Test func `help into a pipe that closes early says nothing else`() throws {
            let program = try Program(
                "/bin/sh",
                ["-c", #""$0" serve --help | head -1"#, ProgramPath.built("maitred")]
            )
            #expect(try program.waitExit() == .exited(code: 0))
            #expect(program.lines.count == 1)
            #expect(program.outputLines.first?.hasPrefix("OVERVIEW: ") == true)
        }

        // MARK: - Where settings come from

        @Test func `a flag counts before the variable, the variable before the file`() throws {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/web.conf"
                try writeFile(
                    file,
                    """
                    # Everything that maitred needs.
                    MAITRED_LISTEN="127.0.0.1:0 unix:\(directory)/web.sock,mode=0600"
                    MAITRED_COMMAND=sleep 100
                    MAITRED_WORKERS=1
                    MAITRED_STRATEGY=random
                    MAITRED_LOG_LEVEL=debug
                    GREETING="good evening"
                    """
                )
                let master = try Program(
                    ProgramPath.built("maitred"),
                    ["serve", "--workers", "3"],
                    environment: [
                        "MAITRED_CONFIG": file, "MAITRED_WORKERS": "2", "MAITRED_STRATEGY": "power-of-two",
                    ]
                )
                try master.waitForLines(2, containing: "listening on ")
                let start = try master.waitForLine(containing: "starting 3 workers of sleep")
                #expect(start.contains("strategy=power-of-two"))
                try master.waitForLine(containing: "worker 3 started")
                #expect(fileMode("\(directory)/web.sock") == 0o600)
                let isInWorkers = eventually {
                    let workers = children(of: master.pid)
                    return workers.count == 3
                        && workers.allSatisfy { environment(of: $0)["GREETING"] == "good evening" }
                }
                #expect(isInWorkers)
                master.signal(SIGTERM)
                #expect(try master.waitExit() == .exited(code: 0))
                #expect(fileMode("\(directory)/web.sock") == nil)
            }
        }

        // MARK: - Standard descriptors

        @Test func `closed standard descriptors are no obstacle`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let script = #"exec "$0" serve --listen "unix:$1" --workers 2 -- "$2" 0<&- 1>&- 2>&-"#
                let master = try Program(
                    "/bin/sh",
                    ["-c", script, ProgramPath.built("maitred"), path, ProgramPath.built("maitred-test-worker")]
                )
                #expect(eventually { fileMode(path) != nil })
                let run = LoadRun.run(requests: 100, concurrency: 2, .unix(path))
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                for pid in [master.pid] + children(of: master.pid) {
                    let standard = openDescriptors(of: pid).filter { $0.key < 3 }
                    #expect(standard == [0: "/dev/null", 1: "/dev/null", 2: "/dev/null"])
                }
                master.signal(SIGTERM)
                #expect(try master.waitExit() == .exited(code: 0))
                #expect(fileMode(path) == nil)
            }
        }

        @Test func `on a terminal a line has the time of day and its level in colour`() throws {
            let command = try "\(ProgramPath.built("maitred")) serve --listen 127.0.0.1:0 --workers 1 -- sleep 100"
            let terminal = try Program(
                "/usr/bin/script",
                ["--quiet", "--command", command, "/dev/null"],
                environment: ["TERM": "xterm", "NO_COLOR": ""]
            )
            let line = try terminal.waitForLine(containing: "listening on 127.0.0.1:")
            let words = line.split(separator: " ", maxSplits: 2)
            #expect(words[0].wholeMatch(of: /\d\d:\d\d:\d\d\.\d\d\d/) != nil, "\(line)")
            #expect(words[1] == "\u{1B}[36mnotice\u{1B}[0m:")
        }

        @Test func `a closing terminal reloads, and does not end the master`() throws {
            let service = try Service(workers: 1)
            service.master.signal(SIGHUP)
            try service.master.waitForLine(containing: "reloaded in ")
            #expect(try TestClient.get(from: service.address).status == 200)
            try service.stop()
        }

        // MARK: - Expectations

        private func expectUsageError(
            _ arguments: [String],
            environment: [String: String] = [:],
            line: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let program = try Program(ProgramPath.built("maitred"), arguments, environment: environment)
            #expect(try program.waitExit() == .exited(code: 64), sourceLocation: sourceLocation)
            expectOneLine(of: program, containing: line, sourceLocation)
        }

        @discardableResult
        private func expectStartFailure(
            _ arguments: [String],
            line: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws -> String {
            let program = try Program(ProgramPath.built("maitred"), ["serve"] + arguments)
            #expect(try program.waitExit() == .exited(code: 1), sourceLocation: sourceLocation)
            expectOneLine(of: program, containing: line, sourceLocation)
            #expect(program.descendants.isEmpty, sourceLocation: sourceLocation)
            return program.errorLines.first ?? ""
        }

        private func expectOneLine(of program: Program, containing text: String, _ sourceLocation: SourceLocation) {
            #expect(program.outputLines.isEmpty, sourceLocation: sourceLocation)
            #expect(program.errorLines.count == 1, "\(program.errorLines)", sourceLocation: sourceLocation)
            let line = program.errorLines.first ?? ""
            #expect(line.hasPrefix("maitred: "), "\(line)", sourceLocation: sourceLocation)
            #expect(line.contains(text), "\(line)", sourceLocation: sourceLocation)
        }
    }
}
