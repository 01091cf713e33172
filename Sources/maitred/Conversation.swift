// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredConfig
import MaitredConsole
import MaitredControl
import MaitredSystem

/// One request and what the master says to it.
struct Conversation: ~Copyable {
    /// How long a master may take for an answer: it answers between two turns of its loop.
    static let patience = Duration.seconds(10)

    private var connection: ControlConnection

    /// Begins with a connection on which nothing was said yet.
    init(_ connection: consuming ControlConnection) {
        self.connection = connection
    }

    /// The socket, for who waits for other things too.
    var number: CInt { connection.socket.descriptor.number }

    /// Sends a request.
    func send(_ request: ControlRequest) throws(ControlConnectionError) {
        try connection.send(ControlJSON.line(request))
    }

    /// The next line from the master.
    mutating func nextLine(within limit: Duration?) throws(ControlConnectionError) -> ControlConnection.Answer {
        try connection.nextLine(within: limit)
    }

    /// Asks, and waits for the one answer.
    ///
    /// - Throws: `CommandFailure` when the master refuses or closes.
    mutating func ask(_ request: ControlRequest) throws -> ControlReply {
        try send(request)
        switch try connection.nextLine(within: Self.patience) {
        case .line(let line): return try Self.accepted(line)
        case .ended: throw CommandFailure.gone("the master closed the connection without an answer")
        case .timedOut: throw CommandFailure.gone("the master does not answer")
        }
    }

    /// How the master is.
    mutating func status() throws -> StatusReport {
        guard let report = try ask(ControlRequest(.status)).status else {
            throw CommandFailure.refused("the master's answer has no status in it")
        }
        return report
    }

    /// Asks, and shows progress until it is done.
    ///
    /// Ctrl-C and SIGTERM end the wait, and nothing else.
    ///
    /// - Parameters:
    ///   - request: With `wait`.
    ///   - task: What it is that is begun.
    /// - Throws: `CommandFailure`.
    /// - Returns: The last answer.
    mutating func follow(_ request: ControlRequest, _ task: LongTask) throws -> ControlReply {
        let signals = try SignalDescriptor([SIGINT, SIGTERM])
        var progress = ProgressText(task.participle, isTerminal: StandardOutput.isTerminal)
        defer { try? StandardOutput.write(progress.end()) }
        try send(request)
        while true {
            switch try connection.nextLine(within: .zero) {
            case .line(let line):
                let reply = try Self.accepted(line)
                if reply.isFinal { return reply }
                if let step = reply.progress { try StandardOutput.write(progress.step(step)) }
            case .ended: throw CommandFailure.gone("the master is gone before \(task.name) was done")
            case .timedOut:
                let ready = Waiting.wait(for: [.readable(number), .readable(signals.descriptor.number)], within: nil)
                if ready[1], let signal = signals.next() {
                    let words = "no longer waiting; \(task.name) goes on: 'maitred status' shows how it ends"
                    throw CommandFailure(description: words, status: 128 + signal)
                }
            }
        }
    }

    /// An answer, unless it is a refusal.
    static func accepted(_ line: [UInt8]) throws -> ControlReply {
        let verdict: Verdict = try read(line)
        guard verdict.ok else {
            throw CommandFailure.refused(visible(verdict.error ?? "the master refused without saying why", limit: .max))
        }
        return try read(line)
    }

    private static func read<Answer: Decodable>(_ line: [UInt8]) throws -> Answer {
        do throws(ControlError) {
            return try ControlJSON.decode(Answer.self, from: line)
        } catch {
            throw CommandFailure.refused("the master's answer is not understood: \(error)")
        }
    }
}

/// Something that a master does over many turns, in words.
struct LongTask {
    /// "the reload".
    let name: String
    /// What it does to each worker: "replaced".
    let participle: String
}

/// The part that every answer has, that to a client which is not let in too.
private struct Verdict: Decodable {
    let ok: Bool
    let error: String?
}

extension MasterOptions {
    /// Has something done and prints what the master says of it.
    ///
    /// - Parameters:
    ///   - request: What is to be done.
    ///   - task: Waits until it is done, and shows its progress; nil takes the first answer.
    /// - Throws: Whatever ends a command.
    func perform(_ request: ControlRequest, waitingFor task: LongTask? = nil) throws {
        var request = request
        request.wait = task.map { _ in true }
        var conversation = Conversation(try connect())
        let reply = if let task { try conversation.follow(request, task) } else { try conversation.ask(request) }
        if let message = reply.message { try StandardOutput.write(StyledLine(message).text(.plain) + "\n") }
    }
}
