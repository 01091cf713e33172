// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import MaitredSystem
internal import MaitredWire
internal import Synchronization

/// What `Worker.take(from:)` gave.
public enum TakeResult: ~Copyable {
    /// A connection to serve.
    case connection(Connection)
    /// Nothing waits, as after EAGAIN from `accept(2)`.
    case empty
    /// The process has no descriptor left (EMFILE). The connection still waits; close something first.
    case descriptorLimit
    /// The master is gone and everything it handed was taken.
    case masterGone
}

/// What the master says to a worker.
public enum ControlEvent: Equatable, Sendable {
    /// Take no more connections, finish those that are open, then exit.
    case drain
    /// Bytes from the master.
    case message([UInt8])
    /// The master ended: drain and exit.
    case masterGone
}

/// Where connections wait: what `Worker.wait(milliseconds:)` found.
public struct WorkerReadiness: Equatable, Sendable {
    /// Indexes of the listeners from which something can be taken.
    public var listeners: [Int] = []
    /// Whether `receive()` has something to say.
    public var control = false
}

/// This process as a worker of a maitred master.
///
/// ```swift
/// let worker = try Worker.attach()
/// try worker.ready()
/// while true {
///     let readiness = worker.wait(milliseconds: -1)
///     for listener in readiness.listeners {
///         if case .connection(let connection) = worker.take(from: listener) {
///             serve(connection)   // and at its end: connection.close()
///         }
///     }
///     if readiness.control, let event = try worker.receive(), event == .drain || event == .masterGone { break }
/// }
/// ```
///
/// Everything may be called from any thread. After a `fork(2)` the child is a worker process of its own: it shares the
/// channels with its parent and counts on a row of its own.
public final class Worker: Sendable {
    /// The worker's number: 1, 2, 3 …, never used again.
    public let id: Int

    /// The worker's place in the pool, 0 ..< N; its successor gets the same.
    public let slot: Int

    /// Addresses of the listeners, as the master writes them ("127.0.0.1:8080").
    ///
    /// An index here is a listener's index.
    public let listeners: [String]

    private let entrances: [Entrance]
    private let control: PacketSocket
    private let page: WorkerPage
    private let inbox = Mutex(Inbox())
    private let nextStream = Atomic<UInt64>(1)

    /// Attaches this process to the master that started it, as the environment says.
    ///
    /// - Throws: `WorkerError.Code.notManaged` when no master did, `.environment` when what it left is damaged.
    /// - Returns: The worker; a process has one.
    public static func attach() throws(WorkerError) -> Worker {
        let found: WorkerEnvironment?
        do {
            let value = { (name: String) in unsafe getenv(name).map { unsafe String(cString: $0) } }
            found = try WorkerEnvironment.parse(value)?.withDescriptors()
        } catch {
            throw WorkerError(error)
        }
        guard let found else {
            let variables = "\(WorkerEnvironment.handoffVariable) or \(WorkerEnvironment.listenerVariable)"
            throw WorkerError(.notManaged, "not started by maitred: \(variables) is not set")
        }
        guard Attachment.begin() else {
            throw WorkerError(.alreadyAttached, "this process is attached to its master already")
        }
        do {
            let worker = try Worker(found)
            Attachment.complete(worker)
            return worker
        } catch {
            Attachment.abandon()
            throw error
        }
    }

    private init(_ environment: WorkerEnvironment) throws(WorkerError) {
        do {
            entrances = try Entrance.claim(environment.entrances)
            control = PacketSocket(owning: try environment.control.claim(for: WorkerEnvironment.controlVariable))
            page = try WorkerPage(adopting: try environment.load.claim(for: WorkerEnvironment.loadVariable))
        } catch let error as WireError {
            throw WorkerError(error)
        } catch let error as SystemError {
            throw WorkerError(error)
        } catch {
            throw WorkerError(.environment, "\(error)")
        }
        id = environment.id
        slot = environment.slot
        listeners = environment.listeners
    }

    /// Remembers what a child would inherit.
    ///
    /// Runs in the parent, in the thread that forks.
    func prepareFork() {
        page.prepareFork()
    }

    /// Counts in a forked child on a row of its own.
    ///
    /// Runs in the child before `fork(2)` returns.
    func claimAfterFork() {
        page.claimAfterFork()
    }

    // MARK: - Connections

    /// Takes the next connection of a listener.
    ///
    /// Never waits.
    ///
    /// Where the kernel chooses (`--strategy kernel`, `reuseport`) this accepts from the listener itself, until the drain.
    ///
    /// The connection counts as open until `Connection.close()`, or `closed(_:)` for one that was released. A value that
    /// merely goes out of scope closes its descriptor but stays counted.
    ///
    /// - Parameter listener: An index of `listeners`.
    /// - Returns: A connection, or why there is none.
    public func take(from listener: Int) -> TakeResult {
        switch entrances[listener] {
        case .channel(let channel): take(from: channel)
        case .listener(let socket): take(from: socket)
        }
    }

    private func take(from channel: WorkerChannel) -> TakeResult {
        while true {
            switch channel.take() {
            case .connection(let descriptor, let packet):
                page.took(acceptedNanoseconds: packet.acceptedNanoseconds)
                return .connection(Connection(descriptor, packet, self))
            case .knock:
                page.tookKnock()
            case .refused:
                continue
            case .empty:
                return .empty
            case .descriptorLimit:
                return .descriptorLimit
            case .closed:
                return .masterGone
            }
        }
    }

    /// What waits at a listener during a drain is for the others.
    private func take(from listener: WorkerListener) -> TakeResult {
        if isDraining { return .empty }
        switch listener.take() {
        case .connection(let descriptor, let packet):
            // Accepted and taken are one moment here: there is no wait to count.
            page.took()
            return .connection(Connection(descriptor, packet, self))
        case .descriptorLimit:
            return .descriptorLimit
        case .closed:
            // The master says that a drain begins before it closes anything.
            return isDraining ? .empty : .masterGone
        case .empty: return .empty
        // Only channels have these.
        case .knock: return .empty
        case .refused: return .empty
        }
    }

    /// Says that connections taken earlier were closed.
    ///
    /// To be called after the close, never before.
    ///
    /// - Parameter count: How many.
    public func closed(_ count: Int = 1) {
        guard count > 0, page.closed(count) else { return }
        // Best effort: a master that misses the bell looks again by itself, 50 ms later at most.
        _ = control.send(ControlHead(.bell).encoded())
    }

    /// Connections of this process that are open, as counted.
    public var openConnections: Int { page.holds }

    // MARK: - Reports

    /// Says that connections may come.
    ///
    /// Until then the master gives none, and a listener of the worker's own lets nobody in.
    public func ready() throws(WorkerError) {
        do throws(SystemError) {
            for case .listener(let listener) in entrances { try listener.open() }
        } catch {
            throw WorkerError(error)
        }
        try sendWaiting(ControlHead(.ready).encoded())
    }

    /// Counts requests that were answered.
    public func served(_ requests: Int = 1) {
        page.served(max(0, requests))
    }

    /// Counts requests that failed.
    public func failed(_ requests: Int = 1) {
        page.failed(max(0, requests))
    }

    /// Says that the program's own loop turns.
    ///
    /// To be called from that loop, not from a thread beside it.
    public func heartbeat() {
        page.heartbeat()
    }

    /// Says how much memory this process wants to be judged by, instead of its resident set.
    ///
    /// - Parameter bytes: 0 to be judged by the resident set again.
    public func reportMemory(bytes: UInt64) {
        page.setMemory(bytes)
    }

    // MARK: - Control

    /// Whether the master asked this worker to drain.
    public var isDraining: Bool { page.isDraining }

    /// Sends bytes to the master, in as many packets as they need.
    ///
    /// Waits while the master is behind.
    ///
    /// - Parameter message: At most 16 MiB.
    /// - Throws: `WorkerError.Code.tooLarge`, or `.masterGone`.
    public func send(message: [UInt8]) throws(WorkerError) {
        guard message.count <= 16 << 20 else { throw WorkerError(.tooLarge, "a message has more than 16 MiB") }
        // Other processes of this worker send on the same socket: the pid keeps their streams apart.
        let stream = UInt64(UInt32(bitPattern: getpid())) << 32 | nextStream.wrappingAdd(1, ordering: .relaxed).oldValue
        for packet in ControlFragments(.message, stream: stream, body: message) {
            try sendWaiting(packet)
        }
    }

    /// The next thing the master said, nil when there is none.
    ///
    /// Never waits. Kinds this SDK does not know are skipped.
    public func receive() throws(WorkerError) -> ControlEvent? {
        do {
            return try inbox.withLock { inbox throws(WireError) in try inbox.next(from: control) }
        } catch {
            throw WorkerError(error)
        }
    }

    private func sendWaiting(_ packet: [UInt8]) throws(WorkerError) {
        while true {
            switch control.send(packet) {
            case .sent: return
            case .wouldBlock: control.waitWritable(milliseconds: 1000)
            case .tooManyInFlight, .closed: throw WorkerError(.masterGone, "the master is gone")
            }
        }
    }

    // MARK: - Waiting

    /// Waits until a connection can be taken or the master said something.
    ///
    /// - Parameter milliseconds: The longest wait; -1 for ever. A signal ends it early.
    /// - Returns: What is there; nothing when the time passed.
    public func wait(milliseconds: Int32) -> WorkerReadiness {
        let isDraining = self.isDraining
        // A negative number makes poll(2) pass over an entry.
        var entries = entrances.map { entrance in
            let isWatched = entrance.isWorthWatching(isDraining: isDraining)
            return pollfd(fd: isWatched ? entrance.number : -1, events: Int16(POLLIN), revents: 0)
        }
        entries.append(pollfd(fd: control.descriptor.number, events: Int16(POLLIN), revents: 0))
        var readiness = WorkerReadiness()
        guard unsafe poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return readiness }
        for (index, entry) in entries.enumerated() where entry.revents != 0 {
            if index < entrances.count { readiness.listeners.append(index) } else { readiness.control = true }
        }
        return readiness
    }

    /// The descriptor to watch for a listener's connections, for programs with a loop of their own.
    ///
    /// Borrowed.
    ///
    /// - Parameter listener: An index of `listeners`.
    /// - Returns: The number of the channel's descriptor, or of the listener's where the worker accepts itself.
    public func watchDescriptor(ofListener listener: Int) -> Int32 {
        entrances[listener].number
    }

    /// The descriptor to watch for `receive()`.
    ///
    /// Borrowed.
    public var watchDescriptorOfControl: Int32 { control.descriptor.number }
}
