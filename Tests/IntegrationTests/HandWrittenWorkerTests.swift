// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredTesting
import Testing

extension Integration {
    /// The workers that the documentation has in full, as it has them.
    struct HandWrittenWorkerTests {
        /// The Python program of a page of the documentation.
        private static func program(in page: String) throws -> String {
            let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
            let text = try #require(readFile("\(root)/docs/\(page)"))
            let blocks = text.split(separator: "```python\n", omittingEmptySubsequences: false).dropFirst()
            let programs = blocks.map { $0.prefix { $0 != "`" } }.filter { $0.hasPrefix("#!") }
            return String(try #require(programs.first, "no program in \(page)"))
        }

        @Test(arguments: ["WORKERS.md", "PROTOCOL.md"])
        func `two thousand requests over two workers, and nothing stays open`(page: String) throws {
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/worker.py", try Self.program(in: page))
                let control = ServiceControl(in: directory)
                let service = try Service(
                    workers: 2,
                    ["--stall-timeout", "5s"],
                    worker: ["/usr/bin/python3", "\(directory)/worker.py"],
                    control: control.path
                )
                let run = LoadRun.run(requests: 2000, concurrency: 8, service.address)
                #expect(run.failures.isEmpty && run.answered == 2000, "\(run.failures.prefix(3))")
                let counts = try control.settledConnections()
                #expect(counts.accepted == 2000 && counts.taken == 2000 && counts.lost == 0 && counts.open == 0)
                let taken = try control.status().workers.map(\.taken)
                #expect(taken.max()! - taken.min()! <= 1, "\(taken)")
                try service.stop()
            }
        }
    }
}
