// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// What is in C, built with AddressSanitizer and UndefinedBehaviorSanitizer, under a real master.
    @Suite(.enabled(if: SanitizedRun.programs != nil, "make sanitize builds what these tests start"))
    struct SanitizerTests {
        private static let strategies = ["round-robin", "kernel", "reuseport"]

        // MARK: - The C SDK

        @Test(arguments: strategies)
        func `the C SDK serves from several processes, is reloaded and killed`(strategy: String) throws {
            try withSanitizers { run in
                let service = try run.service(["--strategy", strategy], worker: run.worker("--processes", "3"))
                let load = LoadRun.run(requests: 300, concurrency: 8, service.address)
                #expect(load.failures.isEmpty && load.answered == 300, "\(load.failures.prefix(3))")
                var held = HeldConnections()
                try held.open(12, to: service.address)
                held = HeldConnections()
                try run.reload()
                kill(try service.pid(ofWorker: 4), SIGKILL)
                try service.waitForReady(5)
                #expect(try TestClient.get(from: service.address).status == 200)
                try run.stop(service)
            }
        }

        @Test func `the C SDK at its limit on descriptors`() throws {
            try withSanitizers { run in
                let service = try run.service(workers: 1, worker: run.worker("--nofile", "32"))
                try Self.useUpDescriptors(of: service)
                try run.stop(service)
            }
        }

        @Test func `the C SDK fetches descriptors that were closed on the way`() throws {
            try withSanitizers { run in
                let service = try run.service(worker: SanitizedRun.afterClosing(run.worker()))
                let load = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(load.failures.isEmpty && load.counts.count == 2, "\(load)")
                try run.stop(service)
            }
        }

        // MARK: - The preload library

        /// All that is done to a connection, and to the process that has it.
        private static let paths = ["/", "/copy", "/stream", "/number", "/range", "/fork", "/exit", "/exec"]

        @Test(arguments: strategies)
        func `a program serves in every way, is reloaded and killed`(strategy: String) throws {
            try withSanitizers { run in
                let service = try run.service(["--strategy", strategy], worker: run.server())
                for path in Self.paths {
                    let load = LoadRun.run(requests: 40, concurrency: 4, service.address, path: path)
                    #expect(load.failures.isEmpty && load.answered == 40, "\(path): \(load.failures.prefix(3))")
                }
                #expect(eventually { (try? run.control.status().connections.open) == 0 })
                try run.reload()
                kill(try service.pid(ofWorker: 4), SIGKILL)
                try service.waitForReady(5)
                #expect(try TestClient.get(from: service.address).status == 200)
                try run.stop(service)
            }
        }

        @Test func `connections queued for a killed program are all answered`() throws {
            try withSanitizers { run in
                let service = try run.service(["--stall-timeout", "5s"], worker: run.server())
                let pid = try service.pid(ofWorker: 1)
                kill(pid, SIGSTOP)
                let clients = try (0..<12).map { _ in try TestClient(service.address) }
                for client in clients { try client.request() }
                kill(pid, SIGKILL)
                for client in clients { #expect(try client.response().status == 200) }
                try run.stop(service)
            }
        }

        @Test func `a program at its limit on descriptors`() throws {
            try withSanitizers { run in
                let service = try run.service(workers: 1, worker: run.server("--nofile", "48"))
                try Self.useUpDescriptors(of: service)
                try run.stop(service)
            }
        }

        @Test func `a program fetches descriptors that were closed on the way`() throws {
            try withSanitizers { run in
                let service = try run.service(worker: SanitizedRun.afterClosing(run.server()))
                let load = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(load.failures.isEmpty && load.counts.count == 2, "\(load)")
                try run.stop(service)
            }
        }

        @Test(arguments: ["round-robin", "kernel"])
        func `a program on a socket file, which it wants to remove`(strategy: String) throws {
            try withSanitizers { run in
                let path = "\(run.directory)/web.sock"
                let service = try run.service(
                    listen: "unix:\(path)",
                    ["--strategy", strategy],
                    worker: run.server("--path", path)
                )
                let load = LoadRun.run(requests: 100, concurrency: 4, service.address)
                #expect(load.failures.isEmpty && load.answered == 100, "\(load.failures.prefix(3))")
                try run.reload()
                #expect(try TestClient.get(from: service.address).status == 200)
                try run.stop(service)
            }
        }

        // MARK: - The sanitizers

        @Test func `a fault in the library is seen`() throws {
            try withTemporaryDirectory { directory in
                let run = try SanitizedRun(in: directory)
                let service = try run.service(workers: 1, worker: run.server())
                #expect(throws: TestFailure.self) { try TestClient.get("/misuse", from: service.address) }
                #expect(eventually { run.reports.contains { $0.contains("AddressSanitizer: heap-buffer-overflow") } })
            }
        }

        /// More clients than a worker of one process has room for: all get their answer, as others go.
        private static func useUpDescriptors(of service: Service) throws {
            let clients = try (0..<60).map { _ in try TestClient(service.address) }
            for client in clients { try client.request("/hold") }
            for client in clients {
                #expect(try client.response().status == 200)
                client.close()
            }
        }
    }
}

/// Programs that report what a sanitizer finds into files of a test's directory.
struct SanitizedRun {
    /// Where `make sanitize` has built them; nil when this is another run.
    static let programs = getenv("MAITRED_TEST_SANITIZED").map { String(cString: $0) }

    /// The test's own.
    let directory: String
    let control: ServiceControl
    private let programs: String

    init(in directory: String) throws {
        self.directory = directory
        control = ServiceControl(in: directory)
        programs = try #require(Self.programs)
    }

    /// The test worker on the C SDK.
    func worker(_ options: String...) -> [String] {
        ["\(programs)/maitred-test-c-worker"] + options
    }

    /// The server that knows nothing of maitred, with the library. The programs on the way to it do not have it: they are
    /// not built with sanitizers.
    func server(_ options: String...) -> [String] {
        let library = "\(programs)/libmaitred_preload.so"
        return ["/usr/bin/env", "LD_PRELOAD=\(library)", "MAITRED_PRELOAD=\(library)"]
            + ["\(programs)/maitred-sanitized-server"] + options
    }

    /// A command that is started without what the master has opened for it.
    static func afterClosing(_ command: [String]) -> [String] {
        ["/bin/sh", "-c", #"exec 3>&- 4>&- 5>&-; exec "$@""#, "sh"] + command
    }

    func service(
        listen: String = "127.0.0.1:0",
        workers: Int = 2,
        _ options: [String] = [],
        worker: [String]
    ) throws -> Service {
        let checks = "verify_asan_link_order=0:strict_string_checks=1:detect_stack_use_after_return=1"
        return try Service(
            listen: [listen],
            workers: workers,
            // The library of the release build would come before the sanitizers.
            ["--no-preload", "--min-uptime", "0s"] + options,
            worker: worker,
            control: control.path,
            environment: [
                "ASAN_OPTIONS": "log_path=\(directory)/report:\(checks)",
                "UBSAN_OPTIONS": "log_path=\(directory)/report:print_stacktrace=1",
            ]
        )
    }

    /// Replaces all workers, and waits for it.
    func reload() throws {
        let command = try control.run("reload", "--wait")
        #expect(command.status == .exited(code: 0), "\(command.errors)")
    }

    /// Stops the master, and checks that nobody ended as a process does in which something was found.
    func stop(_ service: Service) throws {
        try service.stop()
        let ends = service.master.lines.filter { $0.contains(" exited: exit code ") }
        #expect(ends.allSatisfy { $0.contains(" exit code 0 ") }, "\(ends)")
    }

    /// What sanitizers have found.
    var reports: [String] {
        directoryEntries(directory).filter { $0.hasPrefix("report") }.compactMap { readFile("\(directory)/\($0)") }
    }
}

/// Runs a body, after which no sanitizer may have found anything.
private func withSanitizers(_ body: (SanitizedRun) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        let run = try SanitizedRun(in: directory)
        try body(run)
        #expect(run.reports.isEmpty, "\(run.reports[0])")
    }
}
