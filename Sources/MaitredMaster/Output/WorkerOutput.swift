// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredSystem
internal import MaitredSystemd

/// The two streams that every program writes to.
enum WorkerStream: CInt, CaseIterable, Sendable {
    /// Standard output.
    case output
    /// Standard error.
    case errors

    /// Its descriptor number in every process.
    var number: CInt { rawValue + 1 }
}

/// What becomes of what workers write; decided once, at start, for each stream by what the master's own is.
struct WorkerOutputMode: Equatable, Sendable {
    /// Where a stream of a worker goes.
    enum Way: Equatable, Sendable {
        /// To wherever the master's goes, untouched.
        case inherited
        /// To the journal, under the worker's own identifier.
        case journal
        /// To the master's terminal, whole lines with the worker's name before them.
        case prefixed
    }

    /// Where standard output goes.
    var output: Way
    /// Where standard error goes.
    var errors: Way

    /// The mode that what the master's own streams are asks for.
    ///
    /// - Parameters:
    ///   - hasPrefix: False for `--no-prefix`: then workers have the terminal itself.
    ///   - isTerminal: Whether the master's descriptor of this number is a terminal.
    ///   - isJournal: Whether it is the stream to the journal that systemd opened.
    init(hasPrefix: Bool, isTerminal: (CInt) -> Bool, isJournal: (CInt) -> Bool) {
        func way(_ stream: WorkerStream) -> Way {
            if isJournal(stream.number) { return .journal }
            return hasPrefix && isTerminal(stream.number) ? .prefixed : .inherited
        }
        output = way(.output)
        errors = way(.errors)
    }

    /// The mode for this process.
    ///
    /// - Parameters:
    ///   - environment: Where systemd leaves `JOURNAL_STREAM`.
    ///   - hasPrefix: False for `--no-prefix`.
    init(environment: [String: String], hasPrefix: Bool) {
        self.init(
            hasPrefix: hasPrefix,
            isTerminal: { MaitredSystem.isTerminal($0) },
            isJournal: { Journal.isStream($0, environment: environment) }
        )
    }

    /// Where a stream goes.
    subscript(stream: WorkerStream) -> Way {
        stream == .output ? output : errors
    }
}

/// What a worker gets as standard output and error, open until the worker has its own copies.
struct WorkerStreams: ~Copyable {
    /// Number of what becomes standard output, nil for the master's own.
    private(set) var standardOutput: CInt?
    /// Number of what becomes standard error, nil for the master's own.
    private(set) var standardError: CInt?

    // They keep the numbers open.
    private var output: Descriptor?
    private var errors: Descriptor?
    private var journal: JournalStream?

    /// What `JOURNAL_STREAM` must say, nil when the worker has no stream of its own.
    private var journalStream: String?

    /// Streams that are the master's own.
    fileprivate init() {}

    fileprivate mutating func setOutput(_ descriptor: consuming Descriptor) {
        standardOutput = descriptor.number
        output = consume descriptor
    }

    fileprivate mutating func setErrors(_ descriptor: consuming Descriptor) {
        standardError = descriptor.number
        errors = consume descriptor
    }

    fileprivate mutating func setJournal(_ stream: consuming JournalStream, where mode: WorkerOutputMode) {
        if mode.output == .journal { standardOutput = stream.descriptor.number }
        if mode.errors == .journal { standardError = stream.descriptor.number }
        journalStream = stream.environmentValue
        journal = consume stream
    }

    /// An environment with the `JOURNAL_STREAM` of the worker in place of the master's.
    ///
    /// Programs compare it with what their standard error is to find out whether the journal reads them.
    ///
    /// - Parameter inherited: "NAME=VALUE" lines.
    /// - Returns: The lines for the worker.
    func environment(from inherited: [String]) -> [String] {
        guard let journalStream else { return inherited }
        return inherited.filter { !$0.hasPrefix("JOURNAL_STREAM=") } + ["JOURNAL_STREAM=\(journalStream)"]
    }

    /// Closes the master's copies: from now on the worker's processes are the only writers.
    consuming func close() {}
}

/// Gives workers their standard output and error, and passes on what comes from them where the master does that.
///
/// - under the journal, each worker has a stream of its own: the master never sees what is written
/// - on a terminal, each has pipes that end in an `OutputRelay`
/// - otherwise workers inherit the master's
final class WorkerOutput {
    private let mode: WorkerOutputMode
    private let name: String
    private let journalPath: String
    private let log: Logger
    private let relay: OutputRelay?
    /// Whether it was said that a stream could not be opened, and none has been since.
    private var hasSaidFailure = false

    /// Prepares for workers.
    ///
    /// A terminal that cannot be opened again, as after `su`, is left to the workers as it is: writing to it might wait.
    ///
    /// - Parameters:
    ///   - wanted: Where their streams go.
    ///   - name: First part of their identifiers in the journal: "NAME-SLOT".
    ///   - environment: The master's, for what the terminal can show.
    ///   - log: Where to say what does not work.
    ///   - journalPath: journald's socket for streams.
    init(
        _ wanted: WorkerOutputMode,
        name: String,
        environment: [String: String],
        log: Logger,
        journalPath: String = JournalStream.socketPath
    ) {
        var mode = wanted
        let terminals = WorkerStream.allCases.filter { wanted[$0] == .prefixed }
        var relay: OutputRelay?
        if !terminals.isEmpty {
            do throws(SystemError) {
                relay = try OutputRelay(
                    Dictionary(uniqueKeysWithValues: terminals.map { ($0, $0.number) }),
                    isColored: LogLineStyle.terminal(environment: environment) == .terminal(colored: true)
                )
            } catch {
                log.warning("workers write to the terminal themselves, without prefix: \(error)")
                if mode.output == .prefixed { mode.output = .inherited }
                if mode.errors == .prefixed { mode.errors = .inherited }
            }
        }
        self.mode = mode
        self.name = name
        self.relay = relay
        self.log = log
        self.journalPath = journalPath
    }

    /// Has the log write to the terminal through here, if it goes to the one that workers' lines go to as well.
    func carry(_ log: MasterLog) {
        guard mode.errors == .prefixed, let relay else { return }
        log.divert { relay.write($0, to: .errors) }
    }

    /// Has the loop's epoll report, as `token`, when `serve` has something to do; nothing happens without pipes.
    func watch(in epoll: borrowing Epoll, as token: EpollToken) throws(SystemError) {
        try relay?.watch(in: epoll, as: token)
    }

    /// Opens what a worker that is about to be started writes to.
    ///
    /// If it is not started after all, closing the streams undoes everything.
    ///
    /// - Returns: Descriptors for the spawn, to be closed after it.
    /// - Throws: When there are no descriptors for pipes. A journal that cannot be reached is said once, and the worker
    ///   inherits the master's stream.
    func open(id: Int, slot: Int) throws(SystemError) -> WorkerStreams {
        var streams = WorkerStreams()
        if mode.output == .journal || mode.errors == .journal { openJournal(for: &streams, id: id, slot: slot) }
        guard let relay else { return streams }
        if mode.output == .prefixed { streams.setOutput(try relay.open(.output, id: id, slot: slot)) }
        if mode.errors == .prefixed { streams.setErrors(try relay.open(.errors, id: id, slot: slot)) }
        return streams
    }

    /// One stream of the journal for both: journald keeps the order within a stream only.
    private func openJournal(for streams: inout WorkerStreams, id: Int, slot: Int) {
        do throws(SystemError) {
            streams.setJournal(try JournalStream(identifier: "\(name)-\(slot)", path: journalPath), where: mode)
            hasSaidFailure = false
        } catch {
            if !hasSaidFailure {
                log.warning(
                    "worker \(id) writes to the master's stream of the journal: \(error)",
                    metadata: ["worker": "\(id)", "slot": "\(slot)"]
                )
            }
            hasSaidFailure = true
        }
    }

    /// Passes on what workers wrote: 64 KiB at most, the rest is reported again.
    func serve() {
        relay?.serve()
    }

    /// A worker has ended: passes on what it wrote last.
    func ended(id: Int) {
        relay?.ended(id: id)
    }

    /// Passes on what is left, once nobody is served any more.
    ///
    /// - Parameter limit: How long to wait for a terminal that takes nothing.
    func finish(within limit: Duration) {
        relay?.finish(within: limit)
    }
}
