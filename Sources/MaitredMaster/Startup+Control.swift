// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSystem

/// The control socket of a new master, and what the master is called because of it.
struct ControlPlace {
    /// The highest number behind a name that is tried: so many masters of one program are no accident any more.
    private static let mostNames = 99

    /// The socket; nil where there is none.
    var server: ControlServer?
    /// The name that another master left free; nil where the configuration's own is used.
    private var name: String?
    /// What is to be said of it once the master is sure to start.
    private var remark: (level: Logger.Level, text: String)?

    /// Opens the control socket where the configuration wants it.
    ///
    /// What was asked for must work: a path always, and a name unless there is no place for a socket at all. The name
    /// that comes from the program is a convenience: where another master has it, the next free one of `NAME-2`,
    /// `NAME-3` … is taken, and where no socket can be had, the master serves without. Both are said.
    init(_ configuration: Configuration, environment: [String: String]) throws(StartupError) {
        let group = try configuration.controlGroup.map { name throws(StartupError) in try controlGroup(name) }
        let access = ControlAccess.ofThisProcess(group: group)
        switch configuration.control {
        case .off: break
        case .path(let path):
            do throws(SystemError) {
                server = try ControlServer(path: path, access: access)
            } catch {
                guard let other = OtherMaster(behind: path, error) else { throw StartupError("--control: \(error)") }
                throw StartupError("--control: \(other) has \(path) already: give another path, or stop that one")
            }
        case .automatic:
            try open(configuration, environment, access)
        }
    }

    private mutating func open(
        _ configuration: Configuration,
        _ environment: [String: String],
        _ access: ControlAccess
    ) throws(StartupError) {
        let wanted = configuration.serviceName
        guard let first = ControlPath.binding(environment: environment, euid: effectiveUser(), name: wanted) else {
            remark = (.info, "no place for a control socket: give --control PATH to use maitred status and the like")
            return
        }
        do throws(SystemError) {
            try makeDirectories(above: first)
            server = try ControlServer(path: first, access: access)
        } catch {
            guard let other = OtherMaster(behind: first, error) else {
                remark = (.warning, "no control socket: \(error); another --name or --control PATH gives one")
                return
            }
            guard configuration.name == nil else {
                throw StartupError(
                    "--name: \(other) has the name '\(wanted)' already: give another name, or stop that one"
                )
            }
            takeNextName(after: wanted, environment, access)
            let outcome = name.map { "this one is '\($0)' in commands" } ?? "this one has no control socket"
            remark = (.notice, "\(other) has the name '\(wanted)' already: \(outcome); --name NAME gives another")
        }
    }

    private mutating func takeNextName(
        after wanted: String,
        _ environment: [String: String],
        _ access: ControlAccess
    ) {
        let first = ControlPath.binding(environment: environment, euid: effectiveUser(), name: wanted)
        for number in 2...Self.mostNames {
            let next = numberedName(wanted, number)
            let path = ControlPath.binding(environment: environment, euid: effectiveUser(), name: next)
            // In systemd's directory the name is no part of the path.
            guard let path, path != first else { return }
            do throws(SystemError) {
                try makeDirectories(above: path)
                server = try ControlServer(path: path, access: access)
                name = next
                return
            } catch {
                guard error.isAddressInUse else { return }
            }
        }
    }

    /// Tells what is not as one would expect.
    func say(_ log: Logger) {
        if let remark { log.log(level: remark.level, "\(remark.text)") }
    }

    /// Closes the socket of a master that cannot start, and leaves nothing behind.
    func close(_ configuration: Configuration) {
        guard let server else { return }
        server.close()
        if configuration.control == .automatic { removeEmptyDirectory(above: server.path) }
    }

    /// The configuration under the name that was free.
    func applied(to configuration: Configuration) -> Configuration {
        var configuration = configuration
        configuration.name = configuration.name ?? name
        return configuration
    }
}

extension Master {
    /// Closes the control socket, and removes the directory that was made for it if nothing else is in it.
    func closeControl() {
        ControlPlace(server: control).close(configuration)
    }
}

extension ControlPlace {
    fileprivate init(server: ControlServer?) {
        self.server = server
    }
}

/// Who listens on a control socket that this master wanted.
private struct OtherMaster: CustomStringConvertible {
    /// A master says its name at once, unless it is blocked: then it stays without.
    private static let patience = Duration.seconds(1)

    private let pid: Int32?
    private let name: String?

    /// - Returns: Nil when the failure to listen at a path was another than that somebody does.
    init?(behind path: String, _ failure: SystemError) {
        guard failure.isAddressInUse else { return nil }
        guard var connection = try? ControlConnection.connect(to: path, within: Self.patience) else {
            (pid, name) = (nil, nil)
            return
        }
        // Of a client's end the kernel tells who listens.
        let process = (try? PeerCredentials.of(connection.socket.descriptor).pid) ?? 0
        pid = process > 0 ? process : nil
        name = Self.name(by: &connection)
    }

    private static func name(by connection: inout ControlConnection) -> String? {
        try? connection.send(ControlJSON.line(ControlRequest(.status)), within: patience)
        guard case .line(let line)? = try? connection.nextLine(within: patience) else { return nil }
        return try? ControlJSON.decode(ControlReply.self, from: line).status?.name
    }

    var description: String {
        let who = name.map { "the master '\($0)'" } ?? "another master"
        return pid.map { "\(who) (process \($0))" } ?? who
    }
}

private func controlGroup(_ name: String) throws(StartupError) -> UInt32 {
    do throws(AccountError) {
        return try UserGroup.id(named: name)
    } catch {
        throw StartupError("--control-group: \(error)")
    }
}
