// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import MaitredWorker

/// The master's part, played step by step by a test, with one worker.
final class ScriptedMaster {
    /// Where clients connect.
    let address: TestAddress
    /// What the worker says of itself.
    let page: LoadPage
    /// The worker, unless it is this process.
    private(set) var program: Program!

    private let listener: ListeningSocket
    private let reader = ControlReader()
    private var channel: HandoffChannel?
    private var control: PacketSocket?
    private var workerControl: PacketSocket?
    private let workerControlNumber: Int32
    private var packet = HandoffPacket()
    private var sequence: UInt64 = 0

    private init(listener: consuming ListeningSocket) throws {
        address = TestAddress("\(listener.address)")!
        self.listener = listener
        page = try LoadPage()
        channel = try HandoffChannel(queueDepth: 64)
        let pair = try PacketSocket.pair()
        control = pair.takeFirst()
        let workerEnd = pair.takeSecond()
        workerControlNumber = workerEnd.descriptor.number
        workerControl = consume workerEnd
    }

    /// Starts `maitred-demo` and waits until it is ready.
    ///
    /// - Parameters:
    ///   - arguments: The demo's.
    ///   - descriptorLimit: The demo's RLIMIT_NOFILE; as here when nil.
    convenience init(_ arguments: [String] = [], descriptorLimit: Int? = nil) throws {
        try self.init(listener: .open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions()))
        let demo = try ProgramPath.built("maitred-demo")
        let limit = descriptorLimit.map { "ulimit -n \($0);" } ?? ""
        program = try Program(
            "/bin/sh",
            ["-c", "\(limit) exec \"$0\" \"$@\"", demo] + arguments,
            environment: variables(for: [3, 4, 5]),
            descriptors: workerDescriptors
        )
        workerControl = nil
        guard eventually(within: .seconds(20), { hears(.ready) }) else { throw TestFailure("the demo is not ready") }
    }

    /// Makes this process, in which only an exit test should do it, the worker.
    static func withWorkerHere() throws -> (ScriptedMaster, Worker) {
        let master = try ScriptedMaster(listener: .open(.resolve(host: "127.0.0.1", port: 0), ListeningOptions()))
        let numbers = master.workerDescriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 3) }
        for (name, value) in try master.variables(for: numbers) { setenv(name, value, 1) }
        master.workerControl = nil
        return (master, try Worker.attach())
    }

    /// What the worker gets: channel, control channel, load page.
    private var workerDescriptors: [Int32] {
        let pageNumber = page.withDescriptor { $0.number }
        return [channel!.workerEnd.descriptor.number, workerControlNumber, pageNumber]
    }

    /// The worker's environment, in which the descriptors have these numbers.
    private func variables(for numbers: [Int32]) throws -> [String: String] {
        let references = try zip(numbers, workerDescriptors).map {
            DescriptorReference(number: $0, inode: try inodeOfDescriptor($1))
        }
        let environment = WorkerEnvironment(
            entrances: .channels([references[0]]),
            control: references[1],
            load: references[2],
            id: 7,
            slot: 0,
            listeners: ["\(address)"]
        )
        return Dictionary(uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) })
    }

    /// A client whose connection the worker has been handed.
    func connect() throws -> TestClient {
        let client = try TestClient(address)
        guard eventually({ handNext() }) else { throw TestFailure("the connection could not be handed over") }
        return client
    }

    private func handNext() -> Bool {
        guard case .accepted(let connection) = packet.accept(from: listener, listener: 0, sequence + 1) else {
            return false
        }
        sequence += 1
        return channel?.hand(packet, connection) == .sent
    }

    /// Leaves a knock.
    func knock() {
        _ = channel?.knock()
    }

    /// Packets that the worker has not taken.
    var waiting: Int { channel?.waiting ?? 0 }

    /// Connections that the worker holds, as it says.
    var open: Int { page.read().holds }

    /// Connections that the worker took, as it says.
    var taken: UInt64 { page.read().taken }

    /// Asks the worker to drain.
    func drain() {
        page.setDrain()
        say(ControlHead(.drain).encoded())
    }

    /// Sends a control packet.
    func say(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { _ = control!.send($0) }
    }

    /// Ends the master: every end it holds is closed.
    func leave() {
        channel = nil
        control = nil
    }

    private func hears(_ type: ControlType) -> Bool {
        reader.next(from: control!) == .packet(ControlHead(type), body: [])
    }

    /// The worker's process.
    var pid: Int32 { program.pid }

    /// Waits until the worker's event loop has not turned for three heartbeats.
    func waitUntilBlocked() throws {
        let isBlocked = eventually {
            let last = page.totals().heartbeatNanoseconds
            return last > 0 && MonotonicClock.nanoseconds() > last + 750_000_000
        }
        guard isBlocked else { throw TestFailure("the event loop is not blocked") }
    }

    /// Waits until the worker uses no CPU time any more: it waits for its clients.
    func waitUntilQuiet() throws {
        var last = Duration.zero
        let isQuiet = eventually {
            let before = last
            last = processorTime
            return last - before < .microseconds(100)
        }
        guard isQuiet else { throw TestFailure("the worker does not come to rest") }
    }

    /// CPU time that all threads of the worker have used.
    var processorTime: Duration {
        var clock = clockid_t()
        var time = timespec()
        clock_getcpuclockid(program.pid, &clock)
        clock_gettime(clock, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
