// SPDX-License-Identifier: Apache-2.0

internal import Logging
package import MaitredConfig
internal import MaitredSystem
internal import MaitredSystemd
internal import MaitredWire

// From a configuration to a master that can run. Everything that can be wrong with what the operator asked for is
// found here, before the first worker exists, and said in one line.

/// What start-up prepares for the loop.
struct MasterParts {
    /// From which the master accepts; none where workers do.
    let listeners: [Listener]
    let direct: DirectListeners?
    let launch: WorkerLaunch
    let spawner: WorkerSpawner
    let output: WorkerOutput
    let workerSocket: WorkerSocket
    let control: ControlServer?
    let service: ServiceReport
    let events: EventHub
    let reread: ConfigurationReader
}

/// Gives the configuration as it is now, for a reload.
package typealias ConfigurationReader = () throws(ConfigurationError) -> Configuration

extension Master {
    /// Opens the listeners and prepares everything a worker needs.
    ///
    /// - Parameters:
    ///   - configuration: What the operator asked for.
    ///   - environment: The process's own variables.
    ///   - log: Where to tell what happens.
    ///   - reread: Gives the configuration as it is at a reload.
    /// - Throws: `StartupError` with one line; nothing is left behind.
    package convenience init(
        _ configuration: Configuration,
        environment: [String: String],
        log: MasterLog,
        reread: @escaping ConfigurationReader
    ) throws(StartupError) {
        _ = try CommandPath.resolve(configuration.command.first ?? "", searchPath: environment["PATH"])
        let control = try ControlPlace(configuration, environment: environment)
        let configuration = control.applied(to: configuration)
        do {
            let activated = try SocketActivation.take()
            try closeOnExec(from: 3)
            let limit = try DescriptorLimit.current()
            try limit.raiseToHard()
            try becomeSubreaper()
            let direct = try Self.openDirect(configuration, activated: activated)
            let listeners = try direct?.listeners ?? Self.openListeners(configuration.listen, activated: activated)
            let mostListeners = WorkerEnvironment.listenerLimit
            guard listeners.count <= mostListeners else {
                throw StartupError("\(listeners.count) listeners are too many: a worker can have \(mostListeners)")
            }
            let workerSocket = try WorkerSocket()
            let launch = WorkerLaunch(
                environment: environment,
                listeners: listeners.map { $0.socket.address.description },
                direct: direct,
                ports: listeners.compactMap { $0.socket.address.port },
                socketName: workerSocket.name,
                descriptorLimit: limit
            )
            let output = WorkerOutput(
                WorkerOutputMode(environment: environment, hasPrefix: configuration.isOutputPrefixed),
                name: configuration.serviceName,
                environment: environment,
                log: log.logger
            )
            output.carry(log)
            let parts = MasterParts(
                listeners: direct == nil ? listeners : [],
                direct: direct,
                launch: launch,
                spawner: try launch.spawner(for: configuration),
                output: output,
                workerSocket: workerSocket,
                control: control.server,
                service: try ServiceReport(environment: environment),
                events: EventHub(log: log),
                reread: { () throws(ConfigurationError) in control.applied(to: try reread()) }
            )
            try self.init(parts, configuration: configuration)
            control.say(log.logger)
        } catch {
            control.close(configuration)
            throw StartupError("\(error)")
        }
    }

    // MARK: - Listeners

    /// Makes a listener of an address.
    typealias Opener = (SocketAddress, ListeningOptions) throws(SystemError) -> ListeningSocket

    static func openListeners(
        _ wanted: [ListenSpecification],
        activated: [ActivatedSocket],
        by open: Opener = { address, options throws(SystemError) in try .open(address, options) }
    ) throws -> [Listener] {
        if !activated.isEmpty { return try adopt(activated, wanted: wanted) }
        guard !wanted.isEmpty else {
            throw StartupError("nothing to listen on: give --listen ADDRESS, or start from a systemd socket unit")
        }
        var listeners: [Listener] = []
        do {
            for specification in wanted {
                let socket = try open(try SocketAddress(specification.address), ListeningOptions(specification))
                listeners.append(Listener(index: listeners.count, socket: socket, name: specification.name))
            }
        } catch {
            // What was opened is closed with the values; a socket file would stay.
            for listener in listeners { listener.socket.removeFile() }
            throw error
        }
        return listeners
    }

    /// Takes over what systemd opened, in its order.
    ///
    /// Addresses given as well must be the same ones.
    private static func adopt(_ activated: [ActivatedSocket], wanted: [ListenSpecification]) throws -> [Listener] {
        var listeners: [Listener] = []
        for activated in activated {
            let socket = try ListeningSocket.adopt(activated.take())
            listeners.append(Listener(index: listeners.count, socket: socket, name: activated.name))
        }
        guard !wanted.isEmpty else { return listeners }
        let given = listeners.map { $0.socket.address.description }
        let asked = try wanted.map { try SocketAddress($0.address).description }
        guard given.sorted() == asked.sorted() else {
            throw StartupError(
                "--listen \(asked.joined(separator: ", ")) does not match what systemd passed "
                    + "(\(given.joined(separator: ", "))): leave --listen out, or change the socket unit"
            )
        }
        return listeners
    }
}

extension SocketAddress {
    /// The address a specification means; looks up a host name.
    init(_ address: ListenSpecification.Address) throws(SystemError) {
        switch address {
        case .ipv4(let host, let port), .ipv6(let host, let port), .host(let host, let port):
            self = try .resolve(host: host, port: port)
        case .unix(let path):
            try self.init(unixPath: path)
        }
    }
}

extension ListeningOptions {
    /// The options of a specification.
    init(_ specification: ListenSpecification) {
        self.init(
            backlog: CInt(clamping: specification.backlog),
            noDelay: specification.hasNoDelay,
            mode: specification.mode.map { UInt32($0) }
        )
    }
}

extension DescriptorLimit {
    /// What a worker gets: what the master was started with, or the number asked for.
    ///
    /// The hard limit is raised only when it must be, which takes CAP_SYS_RESOURCE.
    func forWorkers(_ asked: Int?) -> DescriptorLimit {
        guard let asked else { return self }
        return DescriptorLimit(soft: UInt64(asked), hard: max(hard, UInt64(asked)))
    }
}
