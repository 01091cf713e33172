// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredBench
import MaitredConfig
import MaitredConsole
import MaitredControl
import MaitredLoad
import MaitredSystem

/// `maitred bench load`: requests, and how long they take.
struct BenchLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Send requests to a server and measure how long it takes.",
        usage: "maitred bench load [<options>] <URL>",
        discussion: """
            As many as 64 connections get through in ten seconds, each request on a new one:

              maitred bench load http://127.0.0.1:8080/

            What clients see at 2,000 requests a second. They come whether or not the server keeps up, and latency \
            counts from the moment at which a request was meant to be sent, so that a stall is not left out:

              maitred bench load --rate 2000 --arrivals poisson http://127.0.0.1:8080/

            Nine of ten cheap, one dear, on connections that are kept, as JSON:

              maitred bench load --keep-alive --mix '90:/,10:/work?ms=50' --json :8080

            TIME has a unit: 500ms, 30s, 2m. The exit status is 0 when all requests had a good answer, and 1 when \
            some failed or none could be sent.
            """
    )

    @Argument(help: .init("Where to: http://host:port/path, host:port or :port.", valueName: "URL"))
    var url: String

    @OptionGroup(title: "How much") var pace: LoadPaceOptions
    @OptionGroup(title: "What") var request: LoadRequestOptions
    @OptionGroup(title: "Output") var output: LoadOutputOptions

    func run() throws {
        try DescriptorLimit.current().raiseToHard()
        let target = try LoadTarget(url, unixSocket: request.unixSocket)
        let plan = try pace.plan(for: target, requests: try request.requests(default: target.path), request)
        let file = try output.openLog()
        let startedAt = WallClock.secondsSinceEpoch()
        let result = try LoadRun(showsProgress: isatty(STDERR_FILENO) == 1).run(plan)
        let report = LoadReport(result, of: plan, url: target.url)
        if output.json {
            try StandardOutput.write(ControlJSON.text(report) + [UInt8(ascii: "\n")])
        } else {
            try StandardOutput.write(LoadText.of(report))
        }
        let seconds = report.seconds
        try file?.write(HistogramLog.text(of: result.latency, startedAt: startedAt, seconds: seconds))
        if report.failed > 0 || report.answered == 0 { throw ExitCode(Failure.failed) }
    }
}

/// Where requests go.
struct LoadTarget {
    /// What the user wrote, with what was left out.
    let url: String
    /// Path and query.
    let path: String
    /// The `Host` header.
    let host: String
    /// Where to connect.
    let address: SocketAddress

    /// Takes the URL apart and looks its host up, unless a Unix socket is given.
    init(_ text: String, unixSocket: String?) throws {
        let parts: LoadURL
        do throws(LoadFailure) {
            parts = try LoadURL(text)
        } catch {
            throw ConfigurationError(origin: nil, problem: error.description)
        }
        url = "http://\(parts.authority)\(parts.path)"
        path = parts.path
        host = parts.authority
        if let unixSocket {
            address = try SocketAddress(unixPath: unixSocket)
        } else {
            address = try SocketAddress.resolve(host: parts.host, port: parts.port)
        }
    }
}

/// Runs a plan with a line of progress, until its end or Ctrl-C.
struct LoadRun {
    /// Whether somebody sees standard error.
    let showsProgress: Bool

    /// Runs it.
    ///
    /// - Returns: What was found; after Ctrl-C what was found until then.
    func run(_ plan: LoadPlan) throws -> LoadResult {
        let signals = try SignalDescriptor([SIGINT, SIGTERM])
        var isInterrupted = false
        var hasLine = false
        let result = try LoadGenerator.run(
            plan,
            while: {
                isInterrupted = isInterrupted || signals.next() != nil
                return !isInterrupted
            },
            progress: { progress in
                guard showsProgress else { return }
                hasLine = true
                StandardError.write("\r\(Self.line(progress))\u{1B}[K")
            }
        )
        if hasLine { StandardError.write("\r\u{1B}[K") }
        return result
    }

    private static func line(_ progress: LoadProgress) -> String {
        LoadText.progress(
            elapsed: progress.elapsed / .seconds(1),
            total: progress.total / .seconds(1),
            isMeasuring: progress.isMeasuring,
            answered: progress.answered,
            failed: progress.failed
        )
    }
}

/// Standard error, for what only a person at a terminal wants to see.
enum StandardError {
    /// Writes once; what does not fit is lost.
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        // SAFETY: pointer and count belong together, and the kernel reads during the call only.
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
