// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire

/// The master's side of one worker, without a master: listeners, channels, control channel, load page.
final class Side {
    let page: LoadPage
    let channels: [HandoffChannel]
    private let isDirect: Bool
    let doors: [Door]
    private var control: PacketSocket?
    private var workerControl: PacketSocket?
    private let reader = ControlReader()
    private var sequence: UInt64 = 0

    /// Opens what one worker needs, with so many listeners on ports of the kernel's choice.
    ///
    /// Direct means that the worker accepts from them itself, listening meanwhile unless said otherwise.
    init(listeners count: Int = 1, isDirect: Bool = false, isListening: Bool = true) throws {
        self.isDirect = isDirect
        page = try LoadPage()
        channels = try (0..<count).map { _ in try HandoffChannel(queueDepth: 16) }
        doors = try (0..<count).map { _ in try Door(isListening: isListening) }
        let pair = try PacketSocket.pair()
        control = pair.takeFirst()
        workerControl = pair.takeSecond()
    }

    // MARK: - The worker's part

    /// Numbers of what a worker gets, in the order in which a spawned one has them: channels, control channel, page.
    var descriptors: [Int32] {
        (isDirect ? doors.map(\.number) : channels.map { $0.workerEnd.descriptor.number }) + [
            workerControl?.descriptor.number ?? -1, page.withDescriptor { $0.number },
        ]
    }

    /// The variables of a worker that has these descriptors under these numbers.
    func environment(_ numbers: [Int32]) throws -> [String: String] {
        let references = try zip(numbers, descriptors).map { number, own in
            DescriptorReference(number: number, inode: try inodeOfDescriptor(own))
        }
        let environment = WorkerEnvironment(
            entrances: isDirect ? .listeners(Array(references.dropLast(2))) : .channels(Array(references.dropLast(2))),
            control: references[channels.count],
            load: references[channels.count + 1],
            id: 17,
            slot: 3,
            listeners: doors.map(\.address.description)
        )
        return Dictionary(uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) })
    }

    /// Makes this process the worker: sets its environment to duplicates of everything. For exit tests only.
    func adoptHere() throws {
        let numbers = descriptors.map { fcntl($0, F_DUPFD, 3) }
        for (name, value) in try environment(numbers) { setenv(name, value, 1) }
        workerControl = nil
    }

    /// Starts the test worker.
    func start(_ arguments: [String] = []) throws -> Program {
        let numbers = descriptors.indices.map { Int32($0) + 3 }
        let program = try Program(
            ProgramPath.built("maitred-test-worker"),
            arguments,
            environment: environment(numbers),
            descriptors: descriptors
        )
        workerControl = nil
        return program
    }

    // MARK: - The master's part

    /// Accepts the next client of a listener and hands it over.
    func hand(listener: Int = 0) throws {
        var packet = HandoffPacket()
        sequence += 1
        let connection = try doors[listener].accept(into: &packet, listener: listener, sequence: sequence)
        guard channels[listener].hand(packet, connection) == .sent else { throw TestFailure("the channel is full") }
    }

    /// Connects a client and hands it over.
    func client(listener: Int = 0) throws -> TestClient {
        let client = try TestClient(doors[listener].address)
        try hand(listener: listener)
        return client
    }

    /// The next control packet, waited for.
    func hear(within limit: Duration = .seconds(10)) -> ControlReceived {
        var received = ControlReceived.wouldBlock
        _ = eventually(within: limit) {
            received = hearNow()
            return received != .wouldBlock
        }
        return received
    }

    /// The next control packet, if there is one.
    func hearNow() -> ControlReceived {
        switch control {
        case .some(let socket): reader.next(from: socket)
        case .none: .closed
        }
    }

    /// Waits until the worker says that it is ready.
    func waitForReady() throws {
        guard hear() == .packet(ControlHead(.ready), body: []) else { throw TestFailure("the worker is not ready") }
    }

    /// Sends a control packet to the worker.
    @discardableResult
    func say(_ packet: [UInt8]) -> SendResult {
        switch control {
        case .some(let socket): socket.send(packet)
        case .none: .closed(errno: EPIPE)
        }
    }

    /// Asks the worker to drain, by page and packet, as a master does.
    func drain() {
        page.setDrain()
        say(ControlHead(.drain).encoded())
    }

    /// Leaves, as a master that ended: the worker hears the end of the control channel.
    func leave() {
        control = nil
    }
}

/// One listener.
final class Door {
    private let socket: ListeningSocket

    init(isListening: Bool) throws(SystemError) {
        socket = try ListeningSocket.bound(to: .resolve(host: "127.0.0.1", port: 0), ListeningOptions())
        if isListening { try socket.startListening(backlog: 16) }
    }

    /// The socket's number, for a worker that accepts itself.
    var number: Int32 { socket.descriptor.number }

    /// Lets nobody in any more, whoever shares the socket.
    func close() {
        socket.stopListening()
    }

    /// Where clients come in.
    var address: TestAddress { TestAddress(socket.address.description)! }

    /// Accepts the next connection, waited for.
    func accept(into packet: inout HandoffPacket, listener: Int, sequence: UInt64) throws -> Descriptor {
        var entry = pollfd(fd: socket.descriptor.number, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 10_000) == 1 else { throw TestFailure("nobody came") }
        switch packet.accept(from: socket, listener: listener, sequence) {
        case .accepted(let connection): return connection
        case .wouldBlock: throw TestFailure("nobody came")
        case .connectionFailed: throw TestFailure("the connection is gone")
        case .exhausted(let errno): throw TestFailure("cannot accept", errno: errno)
        }
    }
}
