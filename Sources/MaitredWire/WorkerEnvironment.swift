// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// A descriptor as the environment names it: its number, and the inode that proves it is still that one.
///
/// A wrapper between master and worker may have closed it, and the number may be a stranger's by now.
package struct DescriptorReference: Equatable, Sendable, CustomStringConvertible {
    /// Descriptor number in the worker.
    package var number: CInt
    /// Inode of the open file.
    package var inode: UInt64

    /// Names a descriptor.
    package init(number: CInt, inode: UInt64) {
        self.number = number
        self.inode = inode
    }

    /// "3:81234".
    package var description: String { "\(number):\(inode)" }

    /// Parses "3:81234".
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = CInt(parts[0]), number >= 0, let inode = UInt64(parts[1]) else {
            return nil
        }
        self.init(number: number, inode: inode)
    }

    /// Whether the number still means what it did.
    var isThere: Bool { (try? inodeOfDescriptor(number)) == inode }

    /// Takes the descriptor over, close-on-exec, after checking that it is the one meant.
    package func claim(for variable: String) throws(WireError) -> Descriptor {
        guard let found = try? inodeOfDescriptor(number) else {
            throw .environment(
                variable: variable,
                problem: "descriptor \(number) is not open: it was closed on the way"
            )
        }
        guard found == inode else {
            throw .environment(variable: variable, problem: "descriptor \(number) is another file by now")
        }
        let descriptor = Descriptor(owning: number)
        do {
            try descriptor.setCloseOnExec()
        } catch {
            throw .environment(variable: variable, problem: error.description)
        }
        return descriptor
    }
}

/// What a worker's connections come through: one descriptor for each listener, at its index.
package enum Entrances: Equatable, Sendable {
    /// Channels: the master accepts, chooses, and hands over.
    case channels([DescriptorReference])
    /// Listening sockets: the worker accepts by itself.
    case listeners([DescriptorReference])

    /// The descriptors.
    package var references: [DescriptorReference] {
        switch self {
        case .channels(let references), .listeners(let references): references
        }
    }

    /// The variable that lists them.
    package var variable: String {
        switch self {
        case .channels: WorkerEnvironment.handoffVariable
        case .listeners: WorkerEnvironment.listenerVariable
        }
    }

    /// What one of them is called.
    fileprivate var noun: String {
        switch self {
        case .channels: "channels"
        case .listeners: "listeners"
        }
    }
}

/// What a worker finds in its environment.
package struct WorkerEnvironment: Equatable, Sendable {
    /// "index:fd:inode,…": one channel per listener.
    package static let handoffVariable = "MAITRED_HANDOFF_FDS"
    /// "index:fd:inode,…": the listeners themselves, instead of channels.
    package static let listenerVariable = "MAITRED_LISTENER_FDS"
    /// "fd:inode".
    package static let controlVariable = "MAITRED_CONTROL_FD"
    /// "fd:inode".
    package static let loadVariable = "MAITRED_LOAD_FD"
    /// The worker's id.
    package static let idVariable = "MAITRED_WORKER_ID"
    /// The worker's slot.
    package static let slotVariable = "MAITRED_WORKER_SLOT"
    /// "index=address,…".
    package static let listenersVariable = "MAITRED_LISTENERS"
    /// "@name": where a process fetches descriptors that were closed on the way to it.
    package static let socketVariable = "MAITRED_WORKER_SOCKET"
    /// For the preload library: a port, or "any".
    package static let appPortVariable = "MAITRED_APP_PORT"
    /// For the preload library: the number of the signal that ends a worker.
    package static let stopSignalVariable = "MAITRED_STOP_SIGNAL"

    /// Variables that mean something to another supervisor's child and must not reach a worker.
    package static let removedVariables: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID",
        "LISTEN_FDNAMES", "FDSTORE",
    ]

    /// Listeners of one worker, at most.
    package static let listenerLimit = 32

    /// What connections come through.
    package var entrances: Entrances
    /// The control channel.
    package var control: DescriptorReference
    /// The load page.
    package var load: DescriptorReference
    /// The worker's number, from 1.
    package var id: Int
    /// The worker's slot, from 0.
    package var slot: Int
    /// Addresses of the listeners, at their index.
    package var listeners: [String]
    /// Where descriptors that were lost are fetched; nil: nowhere.
    package var socket: String?
    /// What the preload library is told of ports.
    package var appPort: String?
    /// What the preload library ends its program with when the master is gone.
    package var stopSignal: Int32?

    /// Describes a worker.
    package init(
        entrances: Entrances,
        control: DescriptorReference,
        load: DescriptorReference,
        id: Int,
        slot: Int,
        listeners: [String],
        socket: String? = nil,
        appPort: String? = nil,
        stopSignal: Int32? = nil
    ) {
        self.entrances = entrances
        self.control = control
        self.load = load
        self.id = id
        self.slot = slot
        self.listeners = listeners
        self.socket = socket
        self.appPort = appPort
        self.stopSignal = stopSignal
    }

    /// The variables, in the order of the documentation.
    package var variables: [(name: String, value: String)] {
        let list = entrances.references.enumerated().map { "\($0.offset):\($0.element)" }.joined(separator: ",")
        let addresses = listeners.enumerated().map { "\($0.offset)=\(Self.encoded($0.element))" }.joined(separator: ",")
        let others = [
            (Self.socketVariable, socket), (Self.appPortVariable, appPort),
            (Self.stopSignalVariable, stopSignal.map { "\($0)" }),
        ]
        return [
            (entrances.variable, list), (Self.controlVariable, "\(control)"), (Self.loadVariable, "\(load)"),
            (Self.idVariable, "\(id)"), (Self.slotVariable, "\(slot)"), (Self.listenersVariable, addresses),
        ] + others.compactMap { name, value in value.map { (name, $0) } }
    }

    /// Reads a worker's environment.
    ///
    /// - Parameter value: Looks a variable up.
    /// - Throws: `WireError.environment` naming the variable and its problem, or `.tooLarge`.
    /// - Returns: nil when the process was not started by a maitred master.
    package static func parse(_ value: (String) -> String?) throws(WireError) -> WorkerEnvironment? {
        guard let entrances = try parseEntrances(value) else { return nil }
        let environment = WorkerEnvironment(
            entrances: entrances,
            control: try reference(controlVariable, value(controlVariable)),
            load: try reference(loadVariable, value(loadVariable)),
            id: try number(idVariable, value(idVariable), from: 1),
            slot: try number(slotVariable, value(slotVariable), from: 0),
            listeners: try parseListeners(value(listenersVariable) ?? "", for: entrances),
            socket: value(socketVariable)
        )
        try environment.refuseSharedDescriptors()
        return environment
    }

    /// Each descriptor gets one owner, who closes it: none may be named twice.
    private func refuseSharedDescriptors() throws(WireError) {
        var seen: Set<CInt> = []
        let named =
            entrances.references.map { (entrances.variable, $0) } + [
                (Self.controlVariable, control), (Self.loadVariable, load),
            ]
        for (variable, reference) in named where !seen.insert(reference.number).inserted {
            throw .environment(variable: variable, problem: "descriptor \(reference.number) is named twice")
        }
    }

    private static func parseEntrances(_ value: (String) -> String?) throws(WireError) -> Entrances? {
        switch (value(handoffVariable), value(listenerVariable)) {
        case (nil, nil): return nil
        case (let channels?, nil): return .channels(try parseReferences(handoffVariable, channels))
        case (nil, let listeners?): return .listeners(try parseReferences(listenerVariable, listeners))
        case (.some, .some):
            throw .environment(variable: listenerVariable, problem: "is set beside \(handoffVariable)")
        }
    }

    private static func parseReferences(
        _ variable: String,
        _ text: String
    ) throws(WireError) -> [DescriptorReference] {
        let entries = text.split(separator: ",", omittingEmptySubsequences: false)
        guard entries.count <= listenerLimit else { throw .tooLarge(what: variable, limit: listenerLimit) }
        var references: [DescriptorReference] = []
        for (index, entry) in entries.enumerated() {
            let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "\(index)", let reference = DescriptorReference(parts[1]) else {
                throw .environment(variable: variable, problem: "'\(entry)' is not \(index):fd:inode")
            }
            references.append(reference)
        }
        return references
    }

    private static func parseListeners(_ text: String, for entrances: Entrances) throws(WireError) -> [String] {
        var listeners: [String] = []
        for (index, entry) in text.split(separator: ",").enumerated() {
            guard let mark = entry.firstIndex(of: "="), entry[..<mark] == "\(index)" else {
                throw .environment(variable: listenersVariable, problem: "'\(entry)' is not \(index)=address")
            }
            listeners.append(decoded(entry[entry.index(after: mark)...]))
        }
        let count = entrances.references.count
        guard listeners.count == count else {
            throw .environment(
                variable: listenersVariable,
                problem: "\(listeners.count) addresses for \(count) \(entrances.noun)"
            )
        }
        return listeners
    }

    /// An address as it stands in the list, where "," and "=" mean something.
    private static func encoded(_ address: String) -> String {
        address.reduce(into: "") { text, character in
            switch character {
            case "%": text += "%25"
            case ",": text += "%2C"
            case "=": text += "%3D"
            default: text.append(character)
            }
        }
    }

    private static func decoded(_ text: Substring) -> String {
        String(text.replacing("%2C", with: ",").replacing("%3D", with: "=").replacing("%25", with: "%"))
    }

    private static func reference(_ variable: String, _ text: String?) throws(WireError) -> DescriptorReference {
        guard let text else { throw .environment(variable: variable, problem: "is not set") }
        guard let reference = DescriptorReference(text) else {
            throw .environment(variable: variable, problem: "'\(text)' is not fd:inode")
        }
        return reference
    }

    private static func number(_ variable: String, _ text: String?, from least: Int) throws(WireError) -> Int {
        guard let text, let number = Int(text), number >= least else {
            throw .environment(variable: variable, problem: "'\(text ?? "")' is not a number from \(least)")
        }
        return number
    }
}
