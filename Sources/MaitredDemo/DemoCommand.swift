// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import Logging
import MaitredWorker
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// `maitred-demo`: a Hummingbird server whose connections come from a maitred master.
@main
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maitred-demo",
        abstract: "A web server to try maitred with, and to test it.",
        usage: "maitred serve --listen 127.0.0.1:8080 -- maitred-demo [--threads <n>]",
        discussion: """
            Routes:
              /             who answers, as JSON
              /work?ms=N    compute for N ms of CPU time
              /sleep?ms=N   wait N ms; other requests go on
              /block?ms=N   block the event loop for N ms; nothing goes on
              /alloc?mb=N   allocate N MiB and keep them
              /bytes?n=N    N bytes
              /exit?code=N  exit with code N, without an answer
              /abort        die of SIGABRT, without an answer
            """
    )

    @Option(help: "Threads that serve connections. One, like a Node process, unless you say otherwise.")
    var threads = 1

    func validate() throws {
        guard 1...1024 ~= threads else {
            throw ValidationError("--threads \(threads): a number of threads from 1 to 1024")
        }
    }

    func run() async throws {
        let worker = try attach()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var logger = Logger(label: "maitred-demo")
        logger.logLevel = .warning
        let service = try DemoService(worker: worker, group: group, logger: logger)
        let server = ServiceGroupConfiguration.ServiceConfiguration(
            service: service,
            // The master asked this process to drain, and it has: the end of the program.
            successTerminationBehavior: .gracefullyShutdownGroup
        )
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [server],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await services.run()
        try await group.shutdownGracefully()
    }

    private func attach() throws -> Worker {
        do {
            return try Worker.attach()
        } catch  where error.code == .notManaged {
            complain("\(error); try: maitred serve --listen 127.0.0.1:8080 -- maitred-demo")
            throw ExitCode(EX_USAGE)
        } catch {
            complain("\(error)")
            throw ExitCode.failure
        }
    }

    private func complain(_ problem: String) {
        let line = Array("maitred-demo: \(problem)\n".utf8)
        // A standard error that cannot be written to leaves nobody to tell.
        _ = write(STDERR_FILENO, line, line.count)
    }
}
