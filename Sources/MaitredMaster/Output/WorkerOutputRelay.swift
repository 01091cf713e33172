// SPDX-License-Identifier: Apache-2.0

internal import MaitredSupervise
internal import MaitredSystem

// What workers write, on its way to the terminal.
//
//      worker 3 ══pipe══> LineAssembler ──┐
//      worker 3 ══pipe══> LineAssembler ──┼─> OutputSink ──write──> terminal
//      worker 4 ══pipe══> LineAssembler ──┘      full: the pipes rest
//
// 1. Lines are written whole, in the order in which they were read: one sink per terminal.
// 2. Nothing waits and nothing is dropped. While the terminal has no room the pipes are not read, so that the workers
//    wait in their own writes, as they would with the terminal in their hands; connections go on being handed over.
// 3. What waits in a sink is at most what one read brought, with its prefixes, and some lines of the master's own log:
//    written past the sink they would stand in the middle of a line that the terminal took a part of.
// 4. A turn reads at most `readsPerTurn` times, `chunk` bytes each. The kernel hands ready pipes out in rotation, so a
//    worker that writes without end delays others and keeps nobody from being heard.
// 5. A pipe is read until nobody can write to it any more, which may be long after its worker's end: a process that
//    the worker left behind may go on writing. Nobody waits for that.

/// The pipes of all workers, and the terminals they end at.
final class OutputRelay {
    /// Reads in one turn: with `chunk`, 64 KiB.
    private static let readsPerTurn = 8

    /// Bytes of one read.
    private static let chunk = 8 << 10

    /// What a worker's pipe holds at most unless the worker enlarges it, see pipe(7).
    ///
    /// So much is read at once when a worker has ended.
    private static let pipeCapacity = 64 << 10

    private let inner: Epoll
    private let isColored: Bool
    private let sinks: [OutputSink]
    /// Index in `sinks` of the terminal behind a stream.
    private let sinkOfStream: [WorkerStream: Int]
    private var pipes: [UInt64: RelayedPipe] = [:]
    private var buffer = [UInt8](repeating: 0, count: chunk)

    /// Streams that stand for the same terminal share a sink, which keeps their order.
    ///
    /// - Parameters:
    ///   - terminals: Descriptor numbers of the terminals, by what workers write to them; opened again, so they may
    ///     be closed.
    ///   - isColored: Whether prefixes have colours.
    /// - Throws: When a terminal cannot be opened again.
    init(_ terminals: [WorkerStream: CInt], isColored: Bool) throws(SystemError) {
        inner = try Epoll(capacity: Self.readsPerTurn)
        self.isColored = isColored
        var sinks: [OutputSink] = []
        var known: [FileIdentity] = []
        var indexes: [WorkerStream: Int] = [:]
        for stream in WorkerStream.allCases {
            guard let number = terminals[stream] else { continue }
            let identity = FileIdentity.ofDescriptor(number)
            if let index = known.firstIndex(where: { $0 == identity }) {
                indexes[stream] = index
                continue
            }
            let token = EpollToken(kind: Self.kind, identity: UInt64(sinks.count))
            indexes[stream] = sinks.count
            sinks.append(try OutputSink(TerminalOutput(reopening: number), token: token, in: inner))
            if let identity { known.append(identity) }
        }
        self.sinks = sinks
        sinkOfStream = indexes
    }

    /// Has the loop's epoll report when `serve` has something to do.
    func watch(in epoll: borrowing Epoll, as token: EpollToken) throws(SystemError) {
        try epoll.add(inner.descriptor, [.readable], token)
    }

    /// Opens a pipe for a stream of a worker that is about to be started.
    ///
    /// - Returns: What the worker writes to. The caller closes its copy once the worker has its own; without a worker
    ///   that is the end of the pipe.
    func open(_ stream: WorkerStream, id: Int, slot: Int) throws(SystemError) -> Descriptor {
        guard let index = sinkOfStream[stream] else { preconditionFailure("no terminal for this stream") }
        let ends = try Pipe()
        let pipe = RelayedPipe(
            ends.takeReading(),
            token: Self.token(stream, id: id),
            sink: sinks[index],
            prefix: LinePrefix(id: id, slot: slot, isColored: isColored)
        )
        try inner.add(pipe.descriptor, pipe.sink.isFull ? [.edge] : [.readable], pipe.token)
        pipes[pipe.token.identity] = pipe
        return ends.takeWriting()
    }

    /// Writes a line of the master's own to the terminal behind a stream, between those of the workers.
    ///
    /// - Returns: false when it is lost, because the terminal takes nothing.
    func write(_ line: [UInt8], to stream: WorkerStream) -> Bool {
        guard let index = sinkOfStream[stream] else { preconditionFailure("no terminal for this stream") }
        guard sinks[index].add(line) else { return false }
        flush(sinks[index])
        return true
    }

    /// Passes on what workers wrote, as much as one turn may and the terminals take.
    ///
    /// What is left is reported by the epoll again.
    func serve() {
        handleEvents(inner.wait(milliseconds: 0))
    }

    /// A worker has ended: passes its last words on before anybody speaks of its end, a line without newline included.
    ///
    /// What the terminal has no room for now follows when it has.
    func ended(id: Int) {
        for stream in WorkerStream.allCases {
            guard let pipe = pipes[Self.token(stream, id: id).identity] else { continue }
            if drain(pipe) { finishLine(of: pipe) }
        }
    }

    /// Passes on what is left when the process is about to end: the one place that waits for a terminal.
    ///
    /// - Parameter limit: The longest wait, for a terminal that was stopped or does not read.
    func finish(within limit: Duration) {
        let end = Instant.now + limit
        while true {
            for pipe in pipes.values.sorted(by: { $0.token.identity < $1.token.identity }) {
                _ = drain(pipe)
                if !pipe.sink.isFull { finishLine(of: pipe) }
            }
            let left = Int(clamping: end.nanoseconds(since: .now) / 1_000_000)
            guard sinks.contains(where: \.isFull), left > 0 else { return }
            handleEvents(inner.wait(milliseconds: CInt(clamping: left)))
        }
    }

    /// Pipes that are open: two per worker, until nobody can write to them.
    var openCount: Int { pipes.count }

    // MARK: - Parts

    /// The kind of every token in `inner`; identities tell terminals and pipes apart.
    private static let kind: UInt8 = 0

    /// Terminals have identities 0 and 1, and workers' ids begin with 1.
    private static func token(_ stream: WorkerStream, id: Int) -> EpollToken {
        EpollToken(kind: kind, identity: UInt64(id) << 1 | UInt64(stream.rawValue))
    }

    private func handleEvents(_ count: Int) {
        for index in 0..<count {
            let identity = inner.event(at: index).token.identity
            if identity < UInt64(sinks.count) {
                flush(sinks[Int(identity)])
            } else if let pipe = pipes[identity], !pipe.sink.isFull {
                _ = pass(pipe)
            }
        }
    }

    /// Reads everything that waits in a pipe, a full pipe's worth at most.
    ///
    /// - Returns: Whether nothing waits in it any more.
    private func drain(_ pipe: RelayedPipe) -> Bool {
        var count = 0
        while count <= Self.pipeCapacity, !pipe.sink.isFull {
            guard case .bytes(let length) = pass(pipe) else { return true }
            count += length
        }
        return false
    }

    /// Reads a pipe once and writes the lines that are complete.
    private func pass(_ pipe: RelayedPipe) -> StreamRead {
        let result = unsafe buffer.withUnsafeMutableBytes { unsafe pipe.descriptor.read(into: $0) }
        switch result {
        case .bytes(let count):
            pipe.lines.append(buffer[..<count]) { pipe.sink.add($0, isContinuation: $1, prefix: pipe.prefix) }
            flush(pipe.sink)
        case .ended:
            inner.remove(pipe.descriptor)
            pipes[pipe.token.identity] = nil
            finishLine(of: pipe)
        case .wouldBlock:
            break
        }
        return result
    }

    private func finishLine(of pipe: RelayedPipe) {
        pipe.lines.finish { pipe.sink.add($0, isContinuation: $1, prefix: pipe.prefix) }
        flush(pipe.sink)
    }

    /// Writes, and lets the pipes rest while there is no room: edge-triggered, because the end of a pipe that is not
    /// read would be reported again and again.
    private func flush(_ sink: OutputSink) {
        guard sink.flush(inner) else { return }
        for pipe in pipes.values where pipe.sink === sink {
            inner.mustModify(pipe.descriptor, sink.isFull ? [.edge] : [.readable], pipe.token)
        }
    }
}

/// One stream of one worker.
private final class RelayedPipe {
    let descriptor: Descriptor
    let token: EpollToken
    let sink: OutputSink
    let prefix: LinePrefix
    var lines = LineAssembler()

    init(_ descriptor: consuming Descriptor, token: EpollToken, sink: OutputSink, prefix: LinePrefix) {
        self.descriptor = descriptor
        self.token = token
        self.sink = sink
        self.prefix = prefix
    }
}
