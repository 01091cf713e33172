// SPDX-License-Identifier: Apache-2.0

public import Logging
public import MaitredBalance
public import MaitredConfig
internal import MaitredSupervise
internal import MaitredSystem

/// A master as part of another program.
///
/// The program gives it a thread: `run()` blocks until the master was told to stop. Make it before the program starts
/// other threads, so that they inherit the signals it blocks: SIGTERM, SIGINT, SIGHUP and SIGCHLD are the master's from
/// then on. A process has one master.
///
/// ```swift
/// var configuration = Configuration(listen: [try ListenSpecification(":8080")], command: ["./server"], workers: 4)
/// let master = try EmbeddedMaster(configuration, log: Logger(label: "server"))
/// exit(master.run())
/// ```
public final class EmbeddedMaster {
    private let master: Master

    /// Commands and events, for other threads.
    public let handle: MasterHandle

    /// Opens the listeners and prepares everything; the first worker starts with `run()`.
    ///
    /// - Parameters:
    ///   - configuration: What is wanted.
    ///   - strategy: Chooses the workers instead of the one that `configuration` names, until another is asked for.
    ///   - log: Where lines go, each without waiting if the handler does not wait.
    ///   - reread: Gives the configuration anew at each reload; the same one unless said otherwise.
    /// - Throws: `MasterError` in one line; nothing is left behind.
    public init(
        _ configuration: Configuration,
        strategy: (any BalancingStrategy)? = nil,
        log: Logger,
        reread: (() throws -> Configuration)? = nil
    ) throws(MasterError) {
        do {
            try configuration.check()
            guard strategy == nil || configuration.strategy.isChosen else {
                let name = configuration.strategy.rawValue
                throw MasterError(description: "under strategy \(name) the program's own cannot choose: leave one out")
            }
            try openStandardDescriptors()
            let environment = ProcessEnvironment.variables()
            let reader: ConfigurationReader = { () throws(ConfigurationError) in
                guard let reread else { return configuration }
                return try Self.read(reread)
            }
            master = try Master(configuration, environment: environment, log: MasterLog(log), reread: reader)
            if let strategy { master.roster.balancer.strategy = strategy }
            handle = try MasterHandle()
            try master.listen(to: handle)
        } catch {
            throw MasterError(description: "\(error)")
        }
    }

    private static func read(
        _ reread: () throws -> Configuration
    ) throws(ConfigurationError) -> Configuration {
        do {
            let configuration = try reread()
            try configuration.check()
            return configuration
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(origin: nil, problem: "\(error)")
        }
    }

    /// Serves until told to stop, by a signal, a client of the control socket, or the handle.
    ///
    /// - Returns: 0 when everything ended as asked, 1 when a worker had to be killed or nothing could be served.
    public func run() -> CInt {
        defer { handle.end() }
        return master.run()
    }
}

/// Why a master could not be made: one line for a person.
public struct MasterError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, on what, and what would be right.
    public let description: String
}

extension Master {
    /// Takes commands from other threads, and tells them what happens.
    func listen(to handle: MasterHandle) throws(SystemError) {
        self.handle = handle
        try epoll.add(handle.bell.descriptor, [.readable], Source.letters.token())
        events.listeners.append { handle.tell($0) }
    }

    /// Does what other threads asked for.
    func readLetters(_ now: Instant) {
        for letter in handle?.takeLetters() ?? [] {
            answer(letter.request, from: .program(letter.answer), now)
        }
    }
}
