// SPDX-License-Identifier: Apache-2.0

internal import MaitredConfig
internal import MaitredSystem
internal import MaitredSystemd

extension Master {
    /// Opens what workers accept from by themselves.
    ///
    /// - Returns: Nil when the master accepts.
    static func openDirect(
        _ configuration: Configuration,
        activated: [ActivatedSocket]
    ) throws -> DirectListeners? {
        switch configuration.strategy {
        case .chosen: return nil
        case .kernel:
            let listeners = try openListeners(configuration.listen, activated: activated)
            return DirectListeners(shared: listeners, areOurs: activated.isEmpty)
        case .reuseport:
            guard activated.isEmpty else {
                throw StartupError(
                    "strategy reuseport gives each worker a listener of its own, and systemd passed one for all: "
                        + "give strategy kernel, or start without the socket unit"
                )
            }
            let reserved = try openListeners(configuration.listen, activated: [], by: reserve)
            return DirectListeners(reserved: reserved, configuration.listen.map { ListeningOptions($0).portShared })
        }
    }

    /// Takes an address for this master, on which its workers will listen.
    ///
    /// SO_REUSEPORT would let it share the port of another service of the same user without a word, so the address is
    /// opened without that first.
    private static func reserve(
        _ address: SocketAddress,
        _ options: ListeningOptions
    ) throws(SystemError) -> ListeningSocket {
        let free = try ListeningSocket.open(address, options).address
        return try .bound(to: free, options.portShared)
    }
}

extension ListeningOptions {
    /// The same, with the address shared by several sockets.
    fileprivate var portShared: ListeningOptions {
        var options = self
        options.isPortShared = true
        return options
    }
}
