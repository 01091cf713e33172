// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc
package import MaitredSystem

/// A descriptor that the service manager opened for us, with the name the unit gives it.
package final class ActivatedSocket {
    /// `FileDescriptorName=` of the socket unit, by default the unit's own name; "unknown" when nothing named it.
    package let name: String

    private var descriptor: Descriptor?

    init(name: String, owning number: CInt) {
        self.name = name
        descriptor = Descriptor(owning: number)
    }

    /// Hands the descriptor over, close-on-exec.
    ///
    /// It is closed with this object if nobody takes it.
    ///
    /// - Precondition: It was not taken before.
    package func take() -> Descriptor {
        guard let taken = descriptor.take() else { preconditionFailure("socket \(name) was taken already") }
        return taken
    }
}

/// Why sockets of a service manager cannot be used, with the variables that announced them.
package struct SocketActivationError: Error, Equatable, CustomStringConvertible {
    /// The variables as they were: "LISTEN_FDS=2 LISTEN_FDNAMES=web".
    package let variables: String

    /// The error number, positive.
    package let errno: CInt

    /// "cannot take over sockets from systemd (LISTEN_FDS=2 LISTEN_FDNAMES=web): …".
    package var description: String {
        "cannot take over sockets from systemd (\(variables)): \(reason)"
    }

    private var reason: String {
        switch errno {
        case EBADF: "not all of these descriptors are open"
        case EINVAL: "the numbers are not valid, or there are not as many names as descriptors"
        default: SystemError.words(for: errno)
        }
    }
}

/// Sockets that systemd opened before it started us: `LISTEN_FDS`, see `sd_listen_fds(3)`.
package enum SocketActivation {
    /// Takes over all of them, in the order of the units, and unsets the variables, so that no worker believes them.
    ///
    /// To be called once, at start: the announced numbers are taken at their word.
    ///
    /// - Returns: Nothing when no socket was passed, or when they were meant for another process (`LISTEN_PID`).
    /// - Throws: `SocketActivationError` when the variables make no sense or a descriptor is not open.
    package static func take() throws(SocketActivationError) -> [ActivatedSocket] {
        let announced = variables()
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        guard count >= 0 else { throw SocketActivationError(variables: announced, errno: -count) }
        // SAFETY: on success the array has `count` strings, and like each of them belongs to us.
        defer { unsafe free(names) }
        return (0..<count).map { index in
            let text = unsafe names?[Int(index)]
            defer { unsafe free(text) }
            let name = unsafe text.map { unsafe String(cString: $0) } ?? "unknown"
            return ActivatedSocket(name: name, owning: SD_LISTEN_FDS_START + index)
        }
    }

    private static func variables() -> String {
        let names: [String] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]
        return names.compactMap { (name: String) -> String? in
            // SAFETY: one thread, and nobody changes the environment before the value is copied.
            guard let value = unsafe getenv(name) else { return nil }
            return "\(name)=\(unsafe String(cString: value))"
        }.joined(separator: " ")
    }
}
