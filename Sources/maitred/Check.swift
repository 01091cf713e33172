// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredMaster
import MaitredSystem

/// `maitred check`: whether `maitred serve` would start.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is wrong with the options of serve, without serving.",
        usage: "maitred check [<options>] -- <command> [<argument> ...]",
        discussion: """
            Reads the same options, variables and file as serve, looks for the command and for users and groups, and \
            opens each listener and the control socket for a moment. Each problem is a line. An address in use is only a warning: it may be \
            in use by the very service that is checked.

              maitred check --config /etc/maitred/web.conf

            The exit status is 0 if serve would start, 1 if not, and 64 if an option, a variable or the file is wrong.
            """
    )

    @OptionGroup var options: ServeOptions

    func run() throws {
        let configuration = try options.sources().resolved()
        let findings = Finding.all(of: configuration, environment: ProcessEnvironment.variables())
        for finding in findings {
            try StandardOutput.write("\(finding)\n")
        }
        guard !findings.contains(where: \.isProblem) else { throw ExitCode(Failure.failed) }
        try StandardOutput.write("configuration ok\n")
    }
}

/// Something that the checked configuration meets on this machine, as a line.
enum Finding: Equatable, CustomStringConvertible {
    /// The master would not start, or none of its workers would.
    case problem(String)
    /// Worth knowing, and right in some circumstances.
    case warning(String)

    var isProblem: Bool {
        switch self {
        case .problem: true
        case .warning: false
        }
    }

    var description: String {
        switch self {
        case .problem(let text): "problem: \(text)"
        case .warning(let text): "warning: \(text)"
        }
    }

    /// Looks at everything on this machine that the configuration names.
    ///
    /// - Parameters:
    ///   - configuration: What was asked for.
    ///   - environment: The process's own variables.
    /// - Returns: What was found, problems and warnings mixed in the order of the settings.
    static func all(of configuration: Configuration, environment: [String: String]) -> [Finding] {
        var findings = listeners(configuration.listen)
        do throws(StartupError) {
            _ = try CommandPath.resolve(configuration.command.first ?? "", searchPath: environment["PATH"])
        } catch {
            findings.append(.problem(error.description))
        }
        if case .path(let path) = configuration.control, let finding = control(path) { findings.append(finding) }
        // Without the library everybody counts on an SDK.
        if configuration.usesPreload, configuration.strategy.isChosen,
            let warning = WorkerProgram.find(configuration, environment: environment)?.warning
        {
            findings.append(.warning(warning))
        }
        if let user = configuration.workerUser {
            if let problem = missing("user", Account.user(user), user, .workerUser) { findings.append(problem) }
            if geteuid() != 0 {
                findings.append(.warning("worker-user: maitred must be started as root to run workers as \(user)"))
            }
        }
        if let group = configuration.controlGroup,
            let problem = missing("group", Account.group(group), group, .controlGroup)
        {
            findings.append(problem)
        }
        return findings
    }

    private static func missing(_ kind: String, _ account: Account, _ name: String, _ setting: Setting) -> Finding? {
        switch account {
        case .exists: nil
        case .missing: .problem("\(setting.name): there is no \(kind) '\(visible(name))' on this machine")
        case .unknown(let errno):
            .problem("\(setting.name): cannot look up \(kind) '\(visible(name))': \(SystemError.words(for: errno))")
        }
    }

    // MARK: - Listeners

    private static func listeners(_ wanted: [ListenSpecification]) -> [Finding] {
        guard !wanted.isEmpty else {
            return [.warning("nothing to listen on: without --listen systemd has to pass a socket")]
        }
        return wanted.compactMap(listener)
    }

    /// Opens the control socket and closes it at once.
    private static func control(_ path: String) -> Finding? {
        do throws(SystemError) {
            let options = MaitredSystem.ListeningOptions(mode: 0o600)
            let socket = try ListeningSocket.open(SocketAddress(unixPath: path), options)
            socket.removeFile()
            return nil
        } catch {
            guard error.isAddressInUse else { return .problem("control: \(error)") }
            return .warning("control: a master listens on \(path): serve can start once it is free")
        }
    }

    /// Opens a listener and closes it at once.
    private static func listener(_ specification: ListenSpecification) -> Finding? {
        do throws(SystemError) {
            let options = MaitredSystem.ListeningOptions(
                backlog: CInt(clamping: specification.backlog),
                noDelay: specification.hasNoDelay,
                mode: specification.mode.map { UInt32($0) }
            )
            let socket = try ListeningSocket.open(SocketAddress(specification), options)
            socket.removeFile()
            return nil
        } catch {
            guard error.isAddressInUse else { return .problem(error.description) }
            return .warning("\(specification.address) is in use: serve can start once it is free")
        }
    }
}

extension SocketAddress {
    /// The address that a specification means; looks up a host name.
    init(_ specification: ListenSpecification) throws(SystemError) {
        switch specification.address {
        case .ipv4(let host, let port), .ipv6(let host, let port), .host(let host, let port):
            self = try .resolve(host: host, port: port)
        case .unix(let path):
            try self.init(unixPath: path)
        }
    }
}

/// Whether the machine's user database has a name.
private enum Account {
    case exists
    case missing
    /// The database did not answer.
    case unknown(errno: CInt)

    /// Wraps `getpwnam(3)`.
    static func user(_ name: String) -> Account {
        errno = 0
        return unsafe getpwnam(name) != nil ? .exists : absent()
    }

    /// Wraps `getgrnam(3)`.
    static func group(_ name: String) -> Account {
        errno = 0
        return unsafe getgrnam(name) != nil ? .exists : absent()
    }

    /// Why there was no answer; an unknown name is no error, or one of those that the manual page lists.
    private static func absent() -> Account {
        [0, ENOENT, ESRCH, EBADF, EPERM].contains(errno) ? .missing : .unknown(errno: errno)
    }
}
