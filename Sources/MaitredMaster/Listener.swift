// SPDX-License-Identifier: Apache-2.0

internal import MaitredSupervise
internal import MaitredSystem

/// A listening socket of the master, and whether it is being watched.
final class Listener {
    /// Index among the listeners: the number in a packet, and the channel's index.
    let index: Int

    /// The socket.
    let socket: ListeningSocket

    /// What it is called in the log: a name that was given, or its address.
    let name: String

    /// Whether the loop is told of new connections.
    var isWatched = false

    /// Whether the last wait reported a connection that was not accepted yet.
    var isReadable = false

    /// Descriptors, memory or buffers ran out: not accepted from before this moment.
    var pausedUntil: Instant?

    /// Whether some worker takes what comes here: else nothing is accepted, and clients wait in the backlog.
    var hasTaker = true

    /// Whether it was said that nobody does.
    var isOrphanSaid = false

    /// Wraps an open socket.
    init(index: Int, socket: consuming ListeningSocket, name: String?) {
        self.index = index
        self.name = name ?? socket.address.description
        self.socket = socket
    }
}
