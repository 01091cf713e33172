// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

/// Starts worker processes: what they run, what they get, and what they must not get.
struct WorkerSpawner {
    /// First descriptor number in a worker after the standard three: channels or listeners, then control, then load page.
    private static let firstDescriptor: CInt = 3

    /// File that every worker executes.
    let path: String
    /// Its arguments, the name as it was given first.
    let arguments: [String]
    /// "NAME=VALUE" of what every worker gets besides its own variables.
    let environment: [String]
    /// Addresses as workers read them, by listener.
    let listeners: [String]
    /// What a worker gets instead of channels, where workers accept by themselves.
    let direct: DirectListeners?
    /// Limit on descriptors of a worker.
    let descriptorLimit: DescriptorLimit
    /// Packets one channel must have room for.
    let queueDepth: Int
    /// Where their processes fetch what they lost.
    let socketName: String
    /// Which ports of a program that knows nothing of maitred mean a listener, besides the listeners' own.
    let appPort: AppPort?
    /// What ends a worker.
    let stopSignal: Int32
    /// Whom workers run as, nil for the master's own user.
    let user: UserAccount?
    /// The program that the command is in the end, as far as its files tell.
    var program: WorkerProgram?
    /// What is known of every worker before it has done anything.
    var facts = StartFacts(library: .given)

    /// A process that runs, and the master's ends of what joins them.
    struct Spawned: ~Copyable {
        let link: WorkerLink
        let process: ChildProcess
        let control: PacketSocket
        /// The worker's end, which its processes may fetch again.
        let controlOfWorker: PacketSocket
    }

    /// Opens channels or listeners, control channel and load page, and starts the process with the other ends.
    ///
    /// - Parameters:
    ///   - order: Who it is.
    ///   - output: Where it writes to.
    /// - Throws: What a system call answered; nothing is left behind.
    /// - Returns: The process, and the master's ends.
    func spawn(_ order: SpawnOrder, output: WorkerOutput) throws(SystemError) -> Spawned {
        var channels: [HandoffChannel] = []
        if direct == nil {
            for _ in listeners { channels.append(try HandoffChannel(queueDepth: queueDepth)) }
        }
        let own = try direct?.makeOwn() ?? []
        let page = try LoadPage()
        let pair = try PacketSocket.pair()
        let control = pair.takeFirst()
        control.descriptor.refuseDescriptors()
        let controlOfWorker = pair.takeSecond()
        let sockets = own.isEmpty ? direct?.listeners ?? [] : own
        let numbers =
            channels.map { $0.workerEnd.descriptor.number } + sockets.map { $0.socket.descriptor.number }
            + [controlOfWorker.descriptor.number, page.withDescriptor { $0.number }]
        let streams = try output.open(id: order.id, slot: order.slot)
        let plan = SpawnPlan(
            path: path,
            arguments: arguments,
            environment: streams.environment(from: environment) + (try ownVariables(order, numbers)),
            descriptors: numbers,
            descriptorLimit: descriptorLimit,
            standardOutput: streams.standardOutput,
            standardError: streams.standardError,
            user: user
        )
        let process = try start(plan)
        streams.close()
        let link = WorkerLink(id: order.id, slot: order.slot, channels: channels, listeners: own, page: page)
        return Spawned(link: link, process: process, control: control, controlOfWorker: controlOfWorker)
    }

    private func start(_ plan: SpawnPlan) throws(SystemError) -> ChildProcess {
        do throws(SystemError) {
            return try ChildProcess.spawn(plan)
        } catch {
            throw CommandPath.explained(error, path)
        }
    }

    /// The variables of one worker; descriptors are numbered in the order in which the process gets them.
    private func ownVariables(_ order: SpawnOrder, _ numbers: [CInt]) throws(SystemError) -> [String] {
        var references: [DescriptorReference] = []
        for (offset, number) in numbers.enumerated() {
            let inode = try inodeOfDescriptor(number)
            references.append(DescriptorReference(number: Self.firstDescriptor + CInt(offset), inode: inode))
        }
        let entrances = Array(references.prefix(listeners.count))
        let variables = WorkerEnvironment(
            entrances: direct == nil ? .channels(entrances) : .listeners(entrances),
            control: references[listeners.count],
            load: references[listeners.count + 1],
            id: order.id,
            slot: order.slot,
            listeners: listeners,
            socket: socketName,
            appPort: appPort.map { "\($0)" },
            stopSignal: stopSignal
        ).variables
        return variables.map { "\($0.name)=\($0.value)" }
    }

    /// Whom workers run as.
    var owner: WorkerOwner { WorkerOwner(user) }

    /// Why the program will hardly be a worker; nil where nothing is known, or only an SDK is counted on.
    var warning: String? {
        facts.library == .given ? program?.warning : nil
    }

    /// The environment every worker starts from: the master's own, without what was meant for the master.
    ///
    /// - Parameters:
    ///   - inherited: The master's variables.
    ///   - added: Variables of the configuration file.
    ///   - port: Port of the first listener that has one, for programs that read PORT.
    /// - Returns: "NAME=VALUE" of each, by name.
    static func baseEnvironment(
        inherited: [String: String],
        added: [EnvironmentVariable],
        port: UInt16?
    ) -> [String] {
        var variables = inherited
        if let port { variables["PORT"] = "\(port)" }
        for variable in added { variables[variable.name] = variable.value }
        let meant = variables.filter { name, _ in
            !name.hasPrefix("MAITRED_") && !WorkerEnvironment.removedVariables.contains(name)
        }
        return meant.map { "\($0.key)=\($0.value)" }.sorted()
    }
}
