// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// The example program, which is master and worker.
    struct EmbeddingTests {
        @Test func `a program is its own workers, chooses by its own strategy, and hears what happens`() throws {
            try withTemporaryDirectory { directory in
                let master = try Program(
                    ProgramPath.built("maitred-example"),
                    ["127.0.0.1:0"],
                    environment: ["XDG_RUNTIME_DIR": directory, "RUNTIME_DIRECTORY": directory]
                )
                let line = try master.waitForLine(containing: "listening on ")
                let word = try #require(line.split(separator: " ").last)
                let address = try #require(TestAddress(word), "no address in '\(line)'")
                try master.waitForLines(2, containing: "heard: ")

                // One at a time they go to the first, which has room again unless it is late to say so.
                #expect(
                    eventually {
                        let bodies = (0..<20).compactMap { _ in try? TestClient.get(from: address).body }
                        return bodies.count == 20 && bodies.count { $0.hasPrefix("worker 1, process ") } >= 15
                    }
                )
                // A client that says nothing fills the first, and the next connection goes to the second.
                let silent = try TestClient(address)
                #expect(eventually { (try? TestClient.get(from: address).body.hasPrefix("worker 2, ")) == true })
                withExtendedLifetime(silent) {}

                let control = "\(directory)/control.sock"
                let status = try Program(ProgramPath.built("maitred"), ["status", "--json", "--control", control])
                #expect(try status.waitExit() == .exited(code: 0))
                #expect(status.lines.contains { $0.contains("first-with-room") })

                master.signal(SIGTERM)
                #expect(try master.waitExit() == .exited(code: 0))
                #expect(master.descendants.isEmpty)
            }
        }
    }
}
