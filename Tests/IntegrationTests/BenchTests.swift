// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// `maitred bench`: load on a real service, and the strategies side by side.
    struct BenchTests {
        /// Runs `maitred bench` to its end.
        private func bench(_ arguments: [String], within limit: Duration = .seconds(30)) throws -> (Program, Int32) {
            let program = try Program(ProgramPath.built("maitred"), ["bench"] + arguments)
            guard case .exited(let code) = try program.waitExit(within: limit) else {
                throw TestFailure("the benchmark was killed")
            }
            return (program, code)
        }

        private func json(of program: Program) throws -> JSONValue {
            try JSONValue(program.outputLines.joined(separator: "\n"))
        }

        // MARK: - Load

        @Test func `every request to a service is answered, and the figures agree with each other`() throws {
            let service = try Service(worker: [ProgramPath.built("maitred-demo")])
            let (program, code) = try bench(["load", "--duration", "1s", "--json", "http://\(service.address)/"])
            #expect(code == 0, "\(program.lines)")
            let report = try json(of: program)
            let answered = try #require(report["answered"]?.number)
            #expect(answered > 100)
            #expect(report["failed"]?.whole == 0)
            #expect(report["request"]?["mode"]?.text == "closed" && report["request"]?["connections"]?.whole == 64)
            let throughput = try #require(report["throughput"]?.number)
            let seconds = try #require(report["seconds"]?.number)
            #expect(abs(throughput * seconds - answered) < 1)
            let latency = try ["min", "p50", "p75", "p90", "p95", "p99", "p999", "p9999", "max"].map {
                try #require(report["latency"]?[$0]?.number)
            }
            #expect(latency == latency.sorted() && latency[0] > 0)
            for kind in ["refused", "reset", "timeout", "shortBody", "badStatus", "badResponse", "local"] {
                #expect(report["errors"]?[kind]?.whole == 0)
            }
            try service.stop()
        }

        @Test func `an open loop sends what it is told to, on kept connections and in a mix`() throws {
            let service = try Service(worker: [ProgramPath.built("maitred-demo")])
            let options = ["--rate", "200", "--duration", "2s", "--keep-alive", "--mix", "3:/,1:/bytes?n=1000"]
            let (program, code) = try bench(["load", "--json", "--idle", "10"] + options + ["\(service.address)"])
            #expect(code == 0, "\(program.lines)")
            let report = try json(of: program)
            let answered = try #require(report["answered"]?.number)
            #expect((390...401).contains(answered))
            #expect(report["request"]?["rate"]?.number == 200 && report["request"]?["idle"]?.whole == 10)
            try service.stop()
        }

        @Test func `what a person reads has the same in words, and the log is one of HdrHistogram`() throws {
            try withTemporaryDirectory { directory in
                let service = try Service(worker: [ProgramPath.built("maitred-demo")])
                let log = "\(directory)/load.hlog"
                let (program, code) = try bench(["load", "--duration", "500ms", "--hlog", log, "\(service.address)"])
                #expect(code == 0)
                #expect(program.errorLines.isEmpty)
                #expect(program.outputLines.contains { $0.hasPrefix("throughput ") && $0.contains("requests/s") })
                #expect(program.outputLines.contains("failed      0"))
                let lines = try #require(readFile(log)).split(separator: "\n")
                #expect(lines.first == "#[Histogram log format version 1.3]")
                #expect(lines.last?.contains(",HISTFAAA") == true)
                try service.stop()
            }
        }

        @Test func `answers that are not good make it exit 1, by kind`() throws {
            let service = try Service(worker: [ProgramPath.built("maitred-demo")])
            let (program, code) = try bench(["load", "--duration", "200ms", "--json", "http://\(service.address)/no"])
            #expect(code == 1)
            let report = try json(of: program)
            #expect(report["answered"]?.whole == 0)
            #expect(report["errors"]?["badStatus"]?.whole == report["failed"]?.whole)
            #expect(report["failed"]?.whole != 0)
            try service.stop()
        }

        @Test(arguments: [
            (["load"], "missing expected argument '<URL>'"),
            (["load", "https://h/"], "only http"),
            (["load", "--rate", "5", "--connections", "5", ":80"], "give one of them"),
            (["load", "--duration", "5", ":80"], "--duration: '5' has no unit"),
            (["load", "--threads", "0", ":80"], "--threads: '0' is out of range"),
            (["load", "--mix", "x", ":80"], "--mix: "),
            (["load", "--header", "x", ":80"], "--header: 'x' is no header line"),
            (["load", "--rate", "5", "--arrivals", "never", ":80"], "neither constant nor poisson"),
            (["strategies", "--regimes", "nice"], "--regimes: 'nice' is not known: choose from short, stall"),
            (["strategies", "--strategies", "best"], "--strategies: 'best' is not known: choose from round-robin"),
            (["strategies", "--rounds", "0"], "--rounds: '0' is out of range"),
        ])
        func `wrong use is one line, and exit 64`(arguments: [String], words: String) throws {
            let (program, code) = try bench(arguments)
            #expect(code == 64)
            #expect(program.outputLines.isEmpty)
            #expect(program.errorLines.count == 1, "\(program.errorLines)")
            #expect(program.errorLines.first?.contains(words) == true, "\(program.errorLines)")
        }

        @Test func `a file that cannot be written costs no run`() throws {
            let (program, code) = try bench(["load", "--hlog", "/nonexistent/x", "127.0.0.1:1"])
            #expect(code == 1)
            #expect(program.errorLines.first?.contains("/nonexistent/x") == true)
        }

        @Test func `a server that answers nothing has no latencies`() throws {
            let service = try Service(worker: [ProgramPath.built("maitred-demo")])
            let (program, code) = try bench(["load", "--duration", "200ms", "http://\(service.address)/no"])
            #expect(code == 1)
            #expect(program.outputLines.contains("latency     nothing was answered"), "\(program.lines)")
            #expect(!program.outputLines.contains { $0.contains("p99") })
            try service.stop()
        }

        // MARK: - Strategies

        @Test func `after Ctrl-C what is complete is shown`() throws {
            let program = try Program(
                ProgramPath.built("maitred"),
                [
                    "bench", "strategies", "--rounds", "2", "--duration", "2s", "--workers", "1",
                    "--strategies", "round-robin", "--regimes", "short",
                ]
            )
            try program.waitForLine(containing: "maitred: 2 runs, about 6 s; Ctrl-C shows what is complete")
            // Each run has a master of its own: that of the second is there.
            var masters: Set<Int32> = []
            let hasSecond = eventually(within: .seconds(20)) {
                masters.formUnion(children(of: program.pid))
                return masters.count == 2
            }
            #expect(hasSecond)
            program.signal(SIGINT)
            #expect(try program.waitExit(within: .seconds(20)) == .exited(code: 130))
            #expect(
                program.errorLines.last == "maitred: interrupted: these are the complete rounds; of short 1 of 2 rounds"
            )
            #expect(program.outputLines.contains { $0.hasPrefix("round-robin ") }, "\(program.lines)")
            #expect(program.descendants.isEmpty)
        }

        @Test func `strategies are compared under regimes, as JSON and as a page`() throws {
            try withTemporaryDirectory { directory in
                let page = "\(directory)/report.html"
                let names = ["round-robin", "least-connections"]
                let (program, code) = try bench(
                    [
                        "strategies", "--rounds", "1", "--duration", "1s", "--workers", "2", "--json", "--html", page,
                        "--strategies", names.joined(separator: ","), "--regimes", "short,long",
                    ],
                    within: .seconds(120)
                )
                #expect(code == 0, "\(program.errorLines)")
                let report = try json(of: program)
                let regimes = report["regimes"]?.elements ?? []
                #expect(regimes.map { $0["name"]?.text } == ["short", "long"])
                for regime in regimes {
                    let strategies = regime["strategies"]?.elements ?? []
                    #expect(strategies.map { $0["strategy"]?.text } == names)
                    for strategy in strategies {
                        #expect(strategy["failed"]?.whole == 0 && strategy["stuck"]?.whole == 0, "\(strategy)")
                        #expect(strategy["perSecond"]?.number ?? 0 > 10)
                        #expect(strategy["masterCPU"]?.number ?? 0 > 0 && strategy["workerCPU"]?.number ?? 0 > 0)
                    }
                }
                // 200 are held, on two workers.
                let spreads = regimes.last?["strategies"]?.elements.first?["spreads"]?.elements ?? []
                #expect(spreads.contains { ($0["open"]?.elements.compactMap(\.whole).reduce(0, +) ?? 0) >= 200 })
                let html = try #require(readFile(page))
                #expect(html.hasPrefix("<!DOCTYPE html>") && names.allSatisfy { html.contains($0) })
            }
        }
    }
}
