// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import MaitredSystem
import MaitredSystemd
import MaitredTesting
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(1)))
struct WorkerOutputTests {
    @Test func `each stream's way is what the master's own is`() {
        func mode(_ hasPrefix: Bool, terminals: [CInt], journals: [CInt]) -> [WorkerOutputMode.Way] {
            let mode = WorkerOutputMode(
                hasPrefix: hasPrefix,
                isTerminal: { terminals.contains($0) },
                isJournal: { journals.contains($0) }
            )
            return [mode.output, mode.errors]
        }
        #expect(mode(true, terminals: [], journals: []) == [.inherited, .inherited])
        #expect(mode(true, terminals: [1, 2], journals: []) == [.prefixed, .prefixed])
        #expect(mode(true, terminals: [1], journals: []) == [.prefixed, .inherited])
        #expect(mode(false, terminals: [1, 2], journals: []) == [.inherited, .inherited])
        #expect(mode(true, terminals: [], journals: [1, 2]) == [.journal, .journal])
        #expect(mode(false, terminals: [], journals: [2]) == [.inherited, .journal])
    }

    @Test func `without journal and terminal workers inherit what the master has`() throws {
        let output = output(journals: [], log: Logger(label: "test"))
        let streams = try output.open(id: 1, slot: 0)
        #expect(numbers(streams) == [nil, nil])
        let environment = streams.environment(from: ["JOURNAL_STREAM=1:2"])
        #expect(environment == ["JOURNAL_STREAM=1:2"])
        output.serve()
        output.ended(id: 1)
        output.finish(within: .zero)
    }

    @Test func `under the journal both streams of a worker are one of its own`() throws {
        let journal = try StreamReceiver()
        let output = output(journals: [1, 2], path: journal.path, log: Logger(label: "test"))
        let streams = try output.open(id: 9, slot: 3)
        let number = streams.standardOutput ?? -1
        #expect(number > 2)
        #expect(numbers(streams) == [number, number])
        let environment = streams.environment(from: ["A=1", "JOURNAL_STREAM=1:2", "B=2"])
        #expect(environment.count == 3)
        #expect(environment.prefix(2) == ["A=1", "B=2"])
        let value = String(environment[2].dropFirst("JOURNAL_STREAM=".count))
        #expect(Journal.isStream(number, environment: ["JOURNAL_STREAM": value]))
        #expect(write(number, "hello\n", 6) == 6)
        streams.close()
        #expect(fcntl(number, F_GETFD) < 0)
        #expect(journal.next() == "demo-3\n\n6\n1\n0\n0\n0\nhello\n")
    }

    @Test func `a stream that is not the journal stays what it is`() throws {
        let journal = try StreamReceiver()
        let streams = try output(journals: [2], path: journal.path, log: Logger(label: "test")).open(id: 1, slot: 0)
        let numbers = numbers(streams)
        #expect(numbers[0] == nil)
        #expect(numbers[1] != nil)
    }

    @Test func `a journal out of reach is said once, and again after it was there`() throws {
        let record = Guarded<[String]>([])
        let log = Logger(label: "test") { _ in RecordingHandler(record: record) }
        let path = DatagramReceiver.temporaryPath()
        let output = output(journals: [1, 2], path: path, log: log)
        for id in 1...3 { #expect(numbers(try output.open(id: id, slot: 0)) == [nil, nil]) }
        #expect(record.withLock { $0.count } == 1)
        #expect(record.withLock { $0.first?.hasPrefix("worker 1 writes to the master's stream") } == true)

        let journal = try StreamReceiver()
        #expect(symlink(journal.path, path) == 0)
        #expect(numbers(try output.open(id: 4, slot: 0)) != [nil, nil])
        unlink(path)
        for id in 5...6 { #expect(numbers(try output.open(id: id, slot: 0)) == [nil, nil]) }
        #expect(record.withLock { $0.count } == 2)
    }

    /// The standard streams belong to the whole process, so this runs in one of its own.
    @Test func `on a terminal workers write to pipes, and their lines have prefixes`() async {
        await #expect(processExitsWith: .success) {
            let terminal = try PlayedTerminal()
            dup2(terminal.number, 1)
            let environment = ["TERM": "xterm"]
            let output = WorkerOutput(
                WorkerOutputMode(environment: environment, hasPrefix: true),
                name: "demo",
                environment: environment,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let streams = try output.open(id: 2, slot: 0)
            try require(streams.standardError == nil)
            let number = streams.standardOutput ?? -1
            try require(write(number, "hello", 5) == 5)
            streams.close()
            output.ended(id: 2)
            try require(terminal.lines(1) == ["\u{1B}[36mworker 2 |\u{1B}[0m hello"])
        }
    }

    @Test func `a terminal that cannot be opened again is left to the workers`() async {
        await #expect(processExitsWith: .success) {
            let terminal = try PlayedTerminal()
            dup2(terminal.number, 1)
            dup2(terminal.number, 2)
            let mode = WorkerOutputMode(environment: [:], hasPrefix: true)
            try require(mode.output == .prefixed && mode.errors == .prefixed)
            terminal.hangUp()
            let record = Guarded<[String]>([])
            let log = Logger(label: "test") { _ in RecordingHandler(record: record) }
            let output = WorkerOutput(mode, name: "demo", environment: [:], log: log)
            let streams = try output.open(id: 1, slot: 0)
            try require(streams.standardOutput == nil && streams.standardError == nil)
            try require(record.withLock { $0.count } == 1)
        }
    }

    private func numbers(_ streams: borrowing WorkerStreams) -> [CInt?] {
        [streams.standardOutput, streams.standardError]
    }

    private func output(journals: [CInt], path: String = "/", log: Logger) -> WorkerOutput {
        WorkerOutput(
            WorkerOutputMode(
                hasPrefix: true,
                isTerminal: { _ in false },
                isJournal: { journals.contains($0) }
            ),
            name: "demo",
            environment: [:],
            log: log,
            journalPath: path
        )
    }
}

/// Ends the process of an exit test with a failure unless a condition holds.
private func require(_ condition: Bool) throws(TestFailure) {
    guard condition else { throw TestFailure("a condition does not hold") }
}

/// Keeps the messages.
private struct RecordingHandler: LogHandler {
    let record: Guarded<[String]>
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.trace

    init(record: Guarded<[String]>) {
        self.record = record
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        record.withLock { $0.append(event.message.description) }
    }
}
