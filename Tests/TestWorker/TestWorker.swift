// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredWorker

/// A worker for tests and benchmarks: a small HTTP server on the SDK, well-behaved or hostile as its arguments say.
@main
enum TestWorker {
    static func main() {
        guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
            say("usage: maitred-test-worker [--mode MODE] [--exit-code N] [--delay-ms N]; modes: \(Mode.names)")
            exit(64)
        }
        do throws(WorkerError) {
            let worker = try Worker.attach()
            try run(arguments, worker)
        } catch {
            say("maitred-test-worker: \(error)")
            exit(1)
        }
    }

    private static func run(_ arguments: Arguments, _ worker: Worker) throws(WorkerError) -> Never {
        switch arguments.mode {
        case .neverReady:
            waitForEver()
        case .slowStart:
            _ = poll(nil, 0, arguments.delayMilliseconds)
        case .forkChild:
            forkChild()
        case .garbagePage:
            scribbleOverPage()
        case .garbageControl:
            babbleIntoControl()
        case .ignoreStop:
            signal(SIGTERM, SIG_IGN)
        case .normal, .ignoreDrain, .tellPeers, .neverRead, .readyThenExit, .writeChannel, .truncateMemory,
            .shutdownChannel:
            break
        }
        try worker.ready()
        switch arguments.mode {
        case .neverRead:
            waitForEver()
        case .readyThenExit:
            exit(arguments.exitCode)
        case .writeChannel:
            writeIntoChannel()
        case .truncateMemory:
            truncateMemory()
        case .shutdownChannel:
            shutDownChannel()
        case .normal, .neverReady, .slowStart, .forkChild, .garbagePage, .garbageControl, .ignoreStop, .ignoreDrain,
            .tellPeers:
            break
        }
        RequestLoop(worker, arguments.mode).run()
    }

    /// A second process that takes from the same channels. Which of the two hears of a drain is left to chance.
    private static func forkChild() {
        let pid = makeChild()
        if pid > 0 { say("child pid \(pid)") }
    }

    private static func waitForEver() -> Never {
        while true { pause() }
    }
}

/// Writes one line to the standard output, at once.
func say(_ line: String) {
    let text = line + "\n"
    _ = text.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
}
