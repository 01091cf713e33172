// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MaitredConfig
internal import MaitredControl
internal import MaitredSystem

extension Master {
    /// Opens the control socket where the configuration wants it.
    ///
    /// A path that was asked for must work. The automatic one is a convenience: where it cannot be had, the master serves
    /// without, and says so: another master of the same name may have it.
    static func openControl(
        _ configuration: Configuration,
        environment: [String: String],
        log: Logger
    ) throws(StartupError) -> ControlServer? {
        let group = try configuration.controlGroup.map { name throws(StartupError) in try controlGroup(name) }
        let access = ControlAccess.ofThisProcess(group: group)
        switch configuration.control {
        case .off: return nil
        case .path(let path):
            do throws(SystemError) {
                return try ControlServer(path: path, access: access)
            } catch {
                throw StartupError("--control: \(error)")
            }
        case .automatic:
            let name = configuration.serviceName
            guard let path = ControlPath.binding(environment: environment, euid: effectiveUser(), name: name) else {
                log.info("no place for a control socket: give --control PATH to use maitred status and the like")
                return nil
            }
            do throws(SystemError) {
                try makeDirectories(above: path)
                return try ControlServer(path: path, access: access)
            } catch {
                log.warning("no control socket: \(error); another --name or --control PATH gives one")
                return nil
            }
        }
    }

    /// Closes the control socket, and removes the directory that was made for it if nothing else is in it.
    func closeControl() {
        guard let control else { return }
        control.close()
        if configuration.control == .automatic { removeEmptyDirectory(above: control.path) }
    }

    private static func controlGroup(_ name: String) throws(StartupError) -> UInt32 {
        do throws(AccountError) {
            return try UserGroup.id(named: name)
        } catch {
            throw StartupError("--control-group: \(error)")
        }
    }
}
