// SPDX-License-Identifier: Apache-2.0

import Glibc
package import MaitredSystem

/// Tells the service manager how we are, over the datagram socket that `NOTIFY_SOCKET` names.
///
/// This is the protocol of `sd_notify(3)`, but not that function: it sends without MSG_DONTWAIT, so while the manager
/// is busy, stopped or reloading and its queue is full, it would stop the loop, and every connection with it. It also
/// reads the environment and opens a socket at each call.
package struct ServiceNotifier: ~Copyable, Sendable {
    private let socket: DatagramSocket?
    private let address: SocketAddress?

    /// Reads `NOTIFY_SOCKET`: a path, or with a leading `@` a name in the abstract namespace.
    ///
    /// - Throws: EAFNOSUPPORT when the variable is neither, ENAMETOOLONG, or what opening a socket gave.
    package init(environment: [String: String]) throws(SystemError) {
        guard let text = environment["NOTIFY_SOCKET"], !text.isEmpty else {
            socket = nil
            address = nil
            return
        }
        let found = try Self.address(text)
        let opened = try DatagramSocket()
        socket = consume opened
        address = found
    }

    /// Whether a service manager listens.
    package var isActive: Bool { address != nil }

    /// Sends the states as one datagram, without waiting.
    ///
    /// - Returns: false when it was not taken, because the manager's queue is full or nobody receives: send the same
    ///   state again when the next one is due. True when there is no manager to tell.
    @discardableResult
    package func send(_ states: ServiceState...) -> Bool {
        guard let address, socket != nil else { return true }
        return socket?.send(ServiceState.datagram(states), to: address) == .sent
    }

    private static func address(_ text: String) throws(SystemError) -> SocketAddress {
        switch text.first {
        case "/": return try SocketAddress(unixPath: text)
        case "@": return try SocketAddress(abstractName: String(text.dropFirst()))
        default: throw SystemError(call: "use NOTIFY_SOCKET", object: text, errno: EAFNOSUPPORT)
        }
    }
}
