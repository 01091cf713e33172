// SPDX-License-Identifier: Apache-2.0

internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Where a worker's processes fetch descriptors that were closed on the way to them: by npm, which hands none on, by
// Python's subprocess, by a program that closes all it does not know.
//
//      process ──connect──> master: whose descendant is that? ──one packet: channels, control channel, page──> process
//
// 1. Nothing is read from who connects: the kernel says which process it is, and its ancestors say whose it is.
// 2. Nobody is waited for, and a second has a bound: whoever connects all the time only keeps others from fetching.

/// The one socket for the processes of all workers.
final class WorkerSocket {
    /// Processes that are answered in one turn.
    private static let answersPerTurn = 4

    /// Processes that are answered in one second: each costs a walk through its ancestors.
    private static let answersPerSecond = 64

    /// Connections that may wait; who comes then waits in `connect(2)`.
    private static let backlog: CInt = 64

    private let listener: PacketListener

    private var answersThisSecond = 0

    /// Whether somebody may wait who was not answered.
    private(set) var hasMore = false

    /// Listens under a name that the kernel chooses.
    init() throws(SystemError) {
        listener = try PacketListener(backlog: Self.backlog)
    }

    /// What workers find in their environment.
    var name: String { listener.name }

    /// Wakes the loop when somebody connects.
    ///
    /// Once for each: at the limit on descriptors a connection that cannot be accepted would report itself for ever.
    func watch(in epoll: borrowing Epoll, as token: EpollToken) throws(SystemError) {
        try epoll.add(listener.descriptor, [.readable, .edge], token)
    }

    /// A new second: whoever was put off is answered.
    func beginSecond() {
        answersThisSecond = 0
    }

    /// Answers those who connected.
    ///
    /// - Parameters:
    ///   - owner: The worker with one of these processes, or with this group; nil when there is none.
    ///   - answer: The descriptors of a worker, and the packet that says what they are.
    func serve(owner: (ProcessLineage, Int32) -> WorkerHandle?, answer: (WorkerHandle) -> FetchAnswer) {
        hasMore = true
        for _ in 0..<Self.answersPerTurn where answersThisSecond < Self.answersPerSecond {
            guard let client = listener.accept() else {
                hasMore = false
                return
            }
            answersThisSecond += 1
            guard let peer = try? PeerCredentials.of(client.descriptor) else { continue }
            let lineage = ProcessLineage(of: peer)
            if let found = owner(lineage, peer.pid).map(answer) {
                _ = client.send(found.head.encoded(), attaching: found.descriptors)
            } else {
                _ = client.send(FetchHead.refusal.encoded())
            }
        }
    }

    /// Whether the loop has to come back at once: not when this second is used up.
    var mustContinue: Bool { hasMore && answersThisSecond < Self.answersPerSecond }
}

/// What a process that fetches is sent.
struct FetchAnswer {
    let head: FetchHead
    let descriptors: [CInt]
}

extension Master {
    /// Answers processes that lost their descriptors.
    func serveFetches(_ now: Instant) {
        workerSocket.serve(
            owner: { lineage, pid in
                guard case .known(let ancestors, let group) = lineage else { return nil }
                // A group can be entered; ancestors cannot be chosen.
                return workers.values.first { $0.process.pid == pid || ancestors.contains($0.process.pid) }
                    ?? workers.values.first { $0.process.pid == group }
            },
            answer: { FetchAnswer(of: $0, direct: direct) }
        )
        if workerSocket.mustContinue { wake(at: now) }
    }
}

extension FetchAnswer {
    /// All that a worker was started with.
    init(of worker: WorkerHandle, direct: DirectListeners?) {
        let link = worker.link
        let shared = direct?.listeners.map { $0.socket.descriptor.number } ?? []
        let own = link.listeners.map { $0.socket.descriptor.number }
        let channels = link.channels.map { $0.workerEnd.descriptor.number }
        let entrances = direct == nil ? channels : own.isEmpty ? shared : own
        head = FetchHead(worker: worker.id, entrances: entrances.count, areListeners: direct != nil)
        descriptors =
            entrances + [worker.controlOfWorker.descriptor.number, link.page.withDescriptor { $0.number }]
    }
}
