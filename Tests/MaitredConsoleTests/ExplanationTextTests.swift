// SPDX-License-Identifier: Apache-2.0

import MaitredConsole
import Testing

struct ExplanationTextTests {
    private func lines(width: Int? = nil, style: Style = .plain, _ change: (inout Explanation) -> Void) -> [String] {
        var explanation = Explanation()
        explanation.startTimeout = 30
        change(&explanation)
        return ExplanationText.of(explanation, style: style, width: width).split(separator: "\n").map(String.init)
    }

    @Test func `a worker`() {
        let lines = lines {
            $0.canBeWorker = true
            $0.fedBy = .library
            $0.listeners = [
                .init(address: "127.0.0.1:4000", takenAfter: 0.0021), .init(address: "unix:/a", takenAfter: 0.2),
            ]
            $0.ownListeners = ["127.0.0.1:9000"]
            $0.processes = [.init(pid: 7, command: "node server.js", hasLibrary: true)]
            $0.listenedAfter = 0.08
            $0.readyAfter = 1.25
            $0.advice = ["this", "that"]
        }
        #expect(
            lines == [
                "can be a worker: yes",
                "fed by: the preload library",
                "listens on: 127.0.0.1:4000, opened by maitred",
                "listens on: unix:/a, opened by maitred",
                "listens on: 127.0.0.1:9000, opened by itself",
                "process: 7 node server.js",
                "listened after: 80 ms",
                "ready after: 1.3 s",
                "test connection to 127.0.0.1:4000: taken after 2.1 ms",
                "test connection to unix:/a: taken after 200 ms",
                "advice: this",
                "advice: that",
            ]
        )
    }

    @Test func `a worker that does nothing`() {
        let lines = lines {
            $0.reason = "it did not listen"
            $0.listeners = [.init(address: "127.0.0.1:4000", takenAfter: nil)]
        }
        let expected = [
            "can be a worker: no", "fed by: nothing", "reason: it did not listen", "listens on: nothing",
            "ready after: not within 30 s",
        ]
        #expect(lines == expected)
    }

    @Test func `a worker that listened and ended`() {
        let lines = lines {
            $0.listeners = [.init(address: "127.0.0.1:4000", takenAfter: nil)]
            $0.listenedAfter = 0.08
            $0.exit = "exit code 1"
            $0.exitedAfter = 2.25
        }
        #expect(
            lines == [
                "can be a worker: no", "fed by: nothing", "listens on: 127.0.0.1:4000, opened by maitred",
                "listened after: 80 ms",
                "ready after: never", "exited: exit code 1 after 2.3 s",
            ]
        )
    }

    @Test func `a connection that was not taken is said`() {
        let lines = lines {
            $0.fedBy = .sdk
            $0.readyAfter = 0.1
            $0.listeners = [.init(address: "unix:/a", takenAfter: nil)]
        }
        #expect(lines.last == "test connection to unix:/a: not taken")
    }

    @Test func `a process without a command line is a number`() {
        #expect(lines { $0.processes = [.init(pid: 7, command: "", hasLibrary: nil)] }.contains("process: 7"))
    }

    @Test func `what a program calls itself cannot speak to the terminal, and is cut to its width`() {
        let lines = lines(width: 30, style: .painted) {
            $0.reason = String(repeating: "long ", count: 20)
            $0.processes = [.init(pid: 7, command: "a\u{1B}[2Jb" + String(repeating: "x", count: 100), hasLibrary: nil)]
        }
        let process = lines.first { $0.contains("7 ") } ?? ""
        #expect(!process.contains("\u{1B}[2J") && process.contains("…"))
        #expect(lines.contains { $0.contains(String(repeating: "long ", count: 19)) })
    }
}
