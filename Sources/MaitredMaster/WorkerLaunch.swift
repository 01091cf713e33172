// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredSystemd

/// What stays the same for all workers of a master, whatever a reload brings: from it and a configuration comes a spawner.
struct WorkerLaunch {
    /// The master's own variables.
    let environment: [String: String]
    /// Addresses as workers read them, by listener.
    let listeners: [String]
    /// Where workers accept by themselves: what they get instead of channels.
    let direct: DirectListeners?
    /// Ports of those listeners that have one.
    let ports: [UInt16]
    /// Where processes of workers fetch descriptors that they lost.
    let socketName: String
    /// What the master was started with.
    let descriptorLimit: DescriptorLimit

    /// How workers of a configuration are started.
    ///
    /// - Throws: `StartupError` when the command cannot be run or the user is not known.
    func spawner(for configuration: Configuration) throws(StartupError) -> WorkerSpawner {
        let user = try configuration.workerUser.map { name throws(StartupError) in try account(name) }
        var variables = WorkerSpawner.baseEnvironment(
            inherited: environment,
            added: configuration.workerEnvironment,
            port: ports.first
        )
        if let user { variables = Self.variables(variables, of: user) }
        let program = WorkerProgram.find(
            configuration.command,
            searchPath: Self.value(of: "PATH", in: variables),
            owner: WorkerOwner(user)
        )
        if configuration.usesPreload, program?.isHarmedByLibrary != true, let library = PreloadLibrary.path {
            variables = PreloadLibrary.added(library, to: variables)
        }
        return WorkerSpawner(
            path: try CommandPath.resolve(configuration.command.first ?? "", searchPath: environment["PATH"]),
            arguments: configuration.command,
            environment: variables,
            listeners: listeners,
            direct: direct,
            descriptorLimit: descriptorLimit.forWorkers(configuration.workerNofile),
            queueDepth: configuration.queueDepth,
            socketName: socketName,
            appPort: configuration.appPort,
            stopSignal: configuration.stopSignal.number,
            user: user,
            program: program,
            facts: StartFacts(configuration, program, ports: ports)
        )
    }

    private static func value(of name: String, in variables: [String]) -> String? {
        variables.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    private func account(_ name: String) throws(StartupError) -> UserAccount {
        guard effectiveUser() == 0 else {
            throw StartupError("--worker-user \(name): only root can start workers as another user")
        }
        do throws(AccountError) {
            return try UserAccount.named(name)
        } catch {
            throw StartupError("--worker-user: \(error)")
        }
    }

    /// The variables that say who somebody is, for the worker's user.
    private static func variables(_ inherited: [String], of user: UserAccount) -> [String] {
        let own = ["HOME": user.home, "LOGNAME": user.name, "USER": user.name]
        let others = inherited.filter { line in !own.keys.contains { line.hasPrefix("\($0)=") } }
        return (others + own.map { "\($0.key)=\($0.value)" }).sorted()
    }
}
