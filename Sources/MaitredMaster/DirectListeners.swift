// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem

// Where the kernel chooses, the master accepts nothing: workers get listening sockets instead of channels.
//
//      kernel      one socket per listener, the same in the master and in every worker
//      reuseport   the master has the address (a socket that is bound and never listens); each worker has a socket of its
//                  own, which listens from when the worker is ready until it drains

/// Listeners from which workers accept by themselves.
final class DirectListeners {
    /// How long a worker that was told to drain may still accept: its loop has to turn once.
    static let drainGrace = Duration.milliseconds(100)

    /// How soon the master looks again whether somebody waits, while it stops.
    static let lookInterval = Duration.milliseconds(10)

    /// The listeners as clients know them; empty once the master stops.
    private(set) var listeners: [Listener]

    /// How each worker's own are opened; nil where all share the same.
    private let ownOptions: [ListeningOptions]?

    /// Whether nobody else will listen on these sockets once this master has stopped.
    private let mayEnd: Bool

    /// Listeners that all workers share.
    ///
    /// - Parameters:
    ///   - shared: The sockets.
    ///   - areOurs: Whether this process opened them, instead of a service manager that keeps them.
    init(shared: [Listener], areOurs: Bool) {
        listeners = shared
        ownOptions = nil
        mayEnd = areOurs
    }

    /// Addresses on which each worker gets listeners of its own.
    ///
    /// - Parameters:
    ///   - reserved: Sockets that are bound with the port shared.
    ///   - options: How to open others on the same addresses.
    init(reserved: [Listener], _ options: [ListeningOptions]) {
        listeners = reserved
        ownOptions = options
        mayEnd = false
    }

    /// Opens the listeners of one worker's own, which do not listen yet; none where all share the same.
    func makeOwn() throws(SystemError) -> [Listener] {
        guard let ownOptions else { return [] }
        var own: [Listener] = []
        for (listener, options) in zip(listeners, ownOptions) {
            let socket = try ListeningSocket.bound(to: listener.socket.address, options)
            own.append(Listener(index: listener.index, socket: socket, name: listener.name))
        }
        return own
    }

    /// Lets clients come to a worker's own listeners, as many at a time as was configured.
    func open(_ own: [Listener]) throws(SystemError) {
        for (listener, options) in zip(own, ownOptions ?? []) {
            try listener.socket.startListening(backlog: options.backlog)
        }
    }

    /// Whether somebody waits at a listener that all share.
    var hasWaiting: Bool {
        ownOptions == nil && listeners.contains { $0.socket.hasWaiting }
    }

    /// Lets nobody in any more, although workers still have the sockets.
    ///
    /// What belongs to a service manager is only let go of: whoever comes then waits for the next start.
    func close() {
        for listener in listeners {
            if mayEnd { listener.socket.stopListening() }
            listener.socket.removeFile()
        }
        listeners = []
    }
}
