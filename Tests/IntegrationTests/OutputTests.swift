// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// What becomes of what workers write.
    struct OutputTests {
        /// Lines of each worker in the tests on a terminal.
        private static let count = 1000

        @Test func `a worker writes to the master's own streams when they are no terminal`() throws {
            let script = #"echo "to output"; echo "to errors" >&2; exec "$0""#
            let service = try Service(workers: 1, worker: Self.shell(script))
            #expect(eventually { service.master.outputLines == ["to output"] }, "\(service.master.outputLines)")
            #expect(service.master.errorLines.contains("to errors"))
            let worker = openDescriptors(of: try service.pid(ofWorker: 1))
            let master = openDescriptors(of: service.master.pid)
            #expect(worker[1]?.hasPrefix("pipe:") == true && worker[1] == master[1] && worker[2] == master[2])
            try service.stop()
        }

        @Test func `on a terminal each line of four talkative workers is whole and carries its worker`() throws {
            let terminal = try Terminal()
            let master = try Self.start(on: terminal, worker: Self.talkative())
            let lines = try terminal.waitForLines { lines in
                lines.count { $0.hasSuffix("ends") } >= 8 * Self.count
            }
            var next: [String: Int] = [:]
            for line in lines where line.hasSuffix("ends") {
                let match = line.wholeMatch(of: /worker (\d) \| (out|err) of (\d), line (\d+) ends/)
                let found = try #require(match, "'\(line)'")
                #expect(found.1 == found.3, "'\(line)'")
                let stream = "\(found.1) \(found.2)"
                #expect(Int(found.4) == next[stream, default: 0], "'\(line)'")
                next[stream, default: 0] += 1
            }
            // The master's own lines are whole among them, and none is missing.
            for line in lines where !line.hasSuffix("ends") {
                #expect(line.prefixMatch(of: #/[0-9:.]{12} (info|notice): /#) != nil, "'\(line)'")
            }
            #expect(lines.count { $0.contains(" ready ") } == 4)
            #expect(next.count == 8 && next.values.allSatisfy { $0 == Self.count }, "\(next)")
            try Self.stop(master, on: terminal)
        }

        @Test func `what a worker writes in parts is put together, and its last words are passed on`() throws {
            let terminal = try Terminal()
            let script = #"printf 'one '; printf 'line\nand '; exec "$0""#
            let master = try Self.start(on: terminal, workers: 1, worker: Self.shell(script))
            _ = try terminal.waitForLines { $0.contains { $0.contains("worker 1 ready") } }
            #expect(terminal.lines().contains("worker 1 | one line"))
            master.signal(SIGTERM)
            _ = try terminal.waitForLines { $0.contains { $0.hasPrefix("worker 1 | and") } }
            #expect(try master.waitExit() == .exited(code: 0))
        }

        @Test func `the prefix is coloured where the terminal can show it, and nothing is otherwise`() throws {
            for (environment, isColored) in [
                (["TERM": "xterm-256color", "NO_COLOR": ""], true), (["TERM": "dumb"], false),
                (["TERM": "xterm-256color", "NO_COLOR": "1"], false),
            ] {
                let terminal = try Terminal()
                let script = #"echo hello; exec "$0""#
                let master = try Self.start(
                    on: terminal,
                    workers: 1,
                    worker: Self.shell(script),
                    environment: environment
                )
                let lines = try terminal.waitForLines { $0.contains { $0.hasSuffix("hello") } }
                let line = try #require(lines.first { $0.hasSuffix("hello") })
                #expect(line.contains("\u{1B}[") == isColored, "\(environment): \(line.debugDescription)")
                #expect(line.contains("worker 1 |"))
                try Self.stop(master, on: terminal)
            }
        }

        @Test func `with no-prefix a worker has the terminal itself`() throws {
            let terminal = try Terminal()
            let script = #"[ -t 1 ] && [ -t 2 ] && echo "a terminal"; exec "$0""#
            let master = try Self.start(on: terminal, ["--no-prefix"], workers: 1, worker: Self.shell(script))
            _ = try terminal.waitForLines { $0.contains("a terminal") }
            try Self.stop(master, on: terminal)
        }

        @Test func `a terminal that takes nothing stops the workers that write to it, and nobody's requests`() throws {
            try withTemporaryDirectory { directory in
                let terminal = try Terminal()
                // They begin when the file is there: nothing that is waited for before is then among their lines.
                let begin = "\(directory)/begin"
                let master = try Self.start(on: terminal, workers: 2, worker: Self.talkative(after: begin))
                let lines = try terminal.waitForLines { lines in
                    lines.contains { $0.contains("listening on") } && lines.count { $0.contains(" ready ") } == 2
                }
                let listening = try #require(lines.first { $0.contains("listening on") })
                let match = try #require(listening.firstMatch(of: /listening on ([0-9.:]+)/))
                let address = try #require(TestAddress(match.1))
                tcflow(terminal.number, TCOOFF)
                try writeFile(begin, "")
                let run = LoadRun.run(requests: 300, concurrency: 4, address)
                #expect(run.failures.isEmpty && run.counts.count == 2, "\(run)")
                #expect(terminal.lines().allSatisfy { !$0.hasSuffix("ends") })
                tcflow(terminal.number, TCOON)
                _ = try terminal.waitForLines { lines in lines.count { $0.hasSuffix("ends") } >= 4 * Self.count }
                try Self.stop(master, on: terminal)
            }
        }

        // MARK: - Helpers

        /// A worker that writes many lines to both streams beside serving.
        ///
        /// - Parameter file: They begin when it is there.
        private static func talkative(after file: String = "/") throws -> [String] {
            let wait = #"until [ -e \#(file) ]; do sleep 0.01; done"#
            let body = #"\#(wait); i=0; while [ $i -lt \#(count) ]; do echo "$1 of $2, line $i ends"; i=$((i+1)); done"#
            return try shell(
                #"talk() { \#(body); }; talk out $MAITRED_WORKER_ID & talk err $MAITRED_WORKER_ID >&2 & exec "$0""#
            )
        }

        private static func shell(_ script: String) throws -> [String] {
            ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
        }

        /// Starts a master whose output and errors are a terminal.
        private static func start(
            on terminal: Terminal,
            _ options: [String] = [],
            workers: Int = 4,
            worker: [String],
            environment: [String: String] = ["TERM": "dumb"]
        ) throws -> Program {
            let serve =
                ["serve", "--listen", "127.0.0.1:0", "--control", "none", "--workers", "\(workers)"] + options
            return try Program(
                "/bin/sh",
                ["-c", #"exec "$0" "$@" >&3 2>&3 3>&-"#, ProgramPath.built("maitred")] + serve + ["--"] + worker,
                environment: environment,
                descriptors: [terminal.number]
            )
        }

        /// Stops a master, whose last lines somebody must read.
        private static func stop(_ master: Program, on terminal: Terminal) throws {
            master.signal(SIGTERM)
            _ = try terminal.waitForLines { _ in master.hasEnded }
            #expect(try master.waitExit() == .exited(code: 0))
        }
    }
}
