// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem

// The control socket, master's side. It knows lines and clients; what the lines mean is the master's.
//
// The listener and all clients sit in an epoll of their own, which is one descriptor in the master's loop:
//
//      listener, clients ──> [inner epoll] ──> [epoll]      turn() ──> nextRequest() … send() … broadcast()
//
// 1. Nothing waits: a client that does not read gets lines into a bounded queue, and is closed when that is full.
// 2. A client's next request is taken when it has taken the answers before: who asks without reading stops itself.
// 3. Every input has a bound: clients, accepts a turn, bytes a read, bytes a line, lines a turn, time for each.
// 4. A client's number is never used again, so an answer that comes late finds nobody rather than somebody else.

/// The control socket and its clients.
final class ControlServer {
    /// Clients at a time: a person's commands, a few dashboards and event readers.
    static let mostClients = 16
    /// Each costs a look at up to 64 ancestors, twice.
    private static let acceptsPerTurn = 4
    /// Clients that left between two turns are far fewer; more than these are only counted.
    private static let mostDepartures = 64
    /// Pause when descriptors or memory are used up: accepting again at once would fail again.
    private static let exhaustionPause = Duration.milliseconds(100)
    /// The kinds of the inner epoll's tokens.
    private static let listenerKind: UInt8 = 1
    private static let clientKind: UInt8 = 2

    /// Where clients connect.
    let path: String

    /// What became of clients since the start.
    private(set) var counts = ControlCounts()

    private let access: ControlAccess
    private let inner: Epoll
    private var listener: ListeningSocket?
    /// By number, rising.
    private var clients: [ControlClientConnection] = []
    private var lastID = 0
    /// Whose request was taken last; the next one is the next client's.
    private var lastServed = 0
    private var departures: [ControlDeparture] = []
    private var acceptAgainAt: Instant?
    private var scratch = [UInt8](repeating: 0, count: 64 << 10)

    /// Listens.
    ///
    /// The file is open to the master's user, and with a control group to that too; what it lets in is checked again.
    ///
    /// - Parameters:
    ///   - path: The socket's file; its directory must exist. One that nobody listens on any more is replaced.
    ///   - access: Who may connect.
    /// - Throws: EADDRINUSE when somebody listens there, EPERM when the group may not be given the file.
    init(path: String, access: ControlAccess) throws(SystemError) {
        let options = ListeningOptions(backlog: 64, mode: access.group == nil ? 0o600 : 0o660, group: access.group)
        let listener = try ListeningSocket.open(SocketAddress(unixPath: path), options)
        let inner = try Epoll(capacity: Self.mostClients + 1)
        listener.refuseDescriptors()
        try inner.add(listener.descriptor, [.readable], EpollToken(kind: Self.listenerKind, identity: 0))
        self.path = path
        self.access = access
        self.inner = inner
        self.listener = consume listener
    }

    /// Makes it part of a loop: a turn is due when the token is reported or `deadline` has come.
    func register(in epoll: borrowing Epoll, as token: EpollToken) throws(SystemError) {
        try epoll.add(inner.descriptor, [.readable], token)
    }

    /// The number of clients connected.
    var clientCount: Int { clients.count }

    /// When a turn is due though nothing is reported: at once while requests wait that were left over.
    var deadline: Instant {
        if clients.contains(where: \.hasRequest) { return Instant(nanoseconds: 0) }
        return clients.reduce(acceptAgainAt ?? .never) { min($0, $1.deadline) }
    }

    // MARK: - A turn

    /// Accepts, receives, writes, and closes whose time is over.
    ///
    /// - Parameters:
    ///   - now: The time of the master's turn.
    ///   - workerGroups: The workers' process groups, whose members are not let in.
    func turn(_ now: Instant, workerGroups: Set<Int32>) {
        resumeAccepting(now)
        for client in clients { client.beginTurn() }
        for index in 0..<inner.wait(milliseconds: 0) {
            let (token, readiness) = inner.event(at: index)
            if token.kind == Self.listenerKind {
                accept(now, workerGroups)
            } else if let client = client(Int(token.identity)) {
                client.flush(now)
                client.receive(isHungUp: readiness.contains(.hungUp), into: &scratch, now)
                settle(client, now)
            }
        }
        for client in clients where client.deadline <= now { drop(client, client.fault) }
    }

    /// The next request, fairly among clients; nil when none is left that may be taken in this turn.
    ///
    /// Each is to be answered with `send`, now or later.
    func nextRequest(_ now: Instant) -> (client: Int, line: [UInt8])? {
        let order = clients.filter { $0.id > lastServed } + clients.filter { $0.id <= lastServed }
        for client in order {
            switch client.nextLine() {
            case .line(let line):
                lastServed = client.id
                settle(client, now)
                return (client.id, line)
            case .tooLong:
                drop(client, .lineTooLong)
            case .incomplete:
                continue
            }
        }
        return nil
    }

    /// Sends a line to one client, if it is still there.
    ///
    /// - Parameters:
    ///   - line: Without a newline.
    ///   - id: The client.
    ///   - isLast: False for progress: more of the same answer follows.
    ///   - now: The time of the master's turn.
    func send(_ line: [UInt8], to id: Int, isLast: Bool = true, _ now: Instant) {
        guard let client = client(id) else { return }
        send(line, to: client, isLast: isLast, now)
    }

    /// Sends a line to every subscriber.
    ///
    /// - Parameters:
    ///   - line: Without a newline.
    ///   - now: The time of the master's turn.
    func broadcast(_ line: [UInt8], _ now: Instant) {
        for client in clients where client.isSubscribed { send(line, to: client, isLast: false, now) }
    }

    /// Whether somebody would hear a broadcast.
    var hasSubscribers: Bool { clients.contains(where: \.isSubscribed) }

    /// Sends events to a client from now on.
    ///
    /// It may listen in silence for ever.
    func setSubscribed(_ id: Int, _ now: Instant) {
        guard let client = client(id) else { return }
        client.isSubscribed = true
        settle(client, now)
    }

    /// The clients that were closed or not let in since this was asked last, for the log; at most 64 of them.
    func takeDepartures() -> [ControlDeparture] {
        defer { departures = [] }
        return departures
    }

    /// Stops listening, closes every client and removes the socket's file, unless another took its place.
    func close() {
        switch listener {
        case .some(let listener):
            inner.remove(listener.descriptor)
            listener.removeFile()
        case .none: break
        }
        listener = nil
        for client in clients { client.unwatch(in: inner) }
        clients = []
        acceptAgainAt = nil
    }

    // MARK: - Clients

    private func client(_ id: Int) -> ControlClientConnection? {
        clients.first { $0.id == id }
    }

    private func send(_ line: [UInt8], to client: ControlClientConnection, isLast: Bool, _ now: Instant) {
        if client.send(line, isLast: isLast, now) {
            settle(client, now)
        } else {
            drop(client, .overflow)
        }
    }

    /// After anything happened to a client: watches for what is next, or lets it go.
    private func settle(_ client: ControlClientConnection, _ now: Instant) {
        if client.isFinished { return remove(client) }
        client.updateExpectation(now)
        do throws(SystemError) {
            try client.watch(in: inner, EpollToken(kind: Self.clientKind, identity: UInt64(client.id)))
        } catch {
            // Out of memory or of watches: it could not be heard any more.
            remove(client)
        }
    }

    private func drop(_ client: ControlClientConnection, _ reason: ControlDeparture.Reason) {
        if let line = reason.line { client.sayLast(line) }
        note(ControlDeparture(client: client.id, pid: client.pid, user: client.user, reason: reason))
        remove(client)
    }

    private func remove(_ client: ControlClientConnection) {
        client.unwatch(in: inner)
        clients.removeAll { $0.id == client.id }
    }

    private func note(_ departure: ControlDeparture) {
        switch departure.reason {
        case .refused(.full): counts.turnedAway += 1
        case .refused: counts.refused += 1
        case .overflow: counts.overflows += 1
        case .lineTooLong, .unfinishedLine, .idle, .slow: counts.faults += 1
        }
        if departures.count < Self.mostDepartures { departures.append(departure) }
    }
}

// MARK: - Accepting

extension ControlServer {
    private func accept(_ now: Instant, _ workerGroups: Set<Int32>) {
        for _ in 0..<Self.acceptsPerTurn {
            switch acceptOne() {
            case .accepted(let socket): admit(socket, now, workerGroups)
            case .connectionFailed: continue
            case .wouldBlock: return
            case .exhausted: return pauseAccepting(now)
            }
        }
    }

    private func acceptOne() -> StreamAccept {
        switch listener {
        case .some(let listener): listener.acceptStream()
        case .none: .wouldBlock
        }
    }

    private func admit(_ socket: consuming StreamSocket, _ now: Instant, _ workerGroups: Set<Int32>) {
        let peer: PeerCredentials
        do throws(SystemError) {
            peer = try PeerCredentials.of(socket.descriptor)
        } catch {
            // Descriptors are used up: it can try again.
            counts.turnedAway += 1
            return
        }
        if let refusal = refusal(of: peer, workerGroups) {
            let departure = ControlDeparture(client: nil, pid: peer.pid, user: peer.user, reason: .refused(refusal))
            if let line = departure.reason.line { _ = socket.write((line + [UInt8(ascii: "\n")])[...]) }
            return note(departure)
        }
        lastID += 1
        counts.accepted += 1
        let client = ControlClientConnection(id: lastID, socket: socket, pid: peer.pid, user: peer.user, now: now)
        clients.append(client)
        settle(client, now)
    }

    private func refusal(of peer: borrowing PeerCredentials, _ workerGroups: Set<Int32>) -> ControlRefusal? {
        if clients.count >= Self.mostClients { return .full }
        return access.refusal(
            user: peer.user,
            groups: peer.groups,
            pid: peer.pid,
            lineage: { ProcessLineage(of: peer) },
            workerGroups: workerGroups
        )
    }

    /// Leaves the listener alone for a moment: it would report itself all the time.
    private func pauseAccepting(_ now: Instant) {
        switch listener {
        case .some(let listener): inner.remove(listener.descriptor)
        case .none: return
        }
        acceptAgainAt = now + Self.exhaustionPause
    }

    private func resumeAccepting(_ now: Instant) {
        guard let moment = acceptAgainAt, moment <= now else { return }
        acceptAgainAt = nil
        do throws(SystemError) {
            switch listener {
            case .some(let listener):
                try inner.add(listener.descriptor, [.readable], EpollToken(kind: Self.listenerKind, identity: 0))
            case .none: break
            }
        } catch {
            acceptAgainAt = now + Self.exhaustionPause
        }
    }
}
