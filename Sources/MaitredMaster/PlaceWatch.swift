// SPDX-License-Identifier: Apache-2.0

internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Waiting for a place without polling and without spinning.
//
// Every channel's master end sits in an inner epoll, edge-triggered for EPOLLOUT: the kernel notes each packet that a
// worker takes, at no cost to anybody while nobody looks. Only when the master waits for something to be taken or
// closed is the inner epoll added to the loop's own.
//
//      nobody watches:   channels ──> [inner epoll]                       listeners ──> [epoll]
//      watching:         channels ──> [inner epoll] ──> [epoll]           listeners rest
//                        load pages: doorbell = 1 ──> a close sends one bell over the control channel

/// The inner epoll, and whether it is part of the loop.
final class PlaceWatch {
    /// However a wakeup may get lost (a worker that was written by hand rings no bell), the master looks again after this.
    static let net = Duration.milliseconds(50)

    /// Events drained at a time.
    private static let batch = 64

    /// Whether takes wake the loop.
    private(set) var isWatching = false

    /// Whether the listeners were last left unpolled because nobody had a place.
    var areListenersResting = true

    /// Whether the last wait reported a take.
    var hasNews = false

    private let inner: Epoll

    /// An inner epoll without channels.
    init() throws(SystemError) {
        inner = try Epoll(capacity: Self.batch)
    }

    /// Notes takes from a worker's channels from now on.
    func add(_ link: WorkerLink) throws(SystemError) {
        for channel in link.channels {
            try inner.add(channel.masterEnd.descriptor, [.writable, .edge], Source.places.token(link.id))
        }
    }

    /// Notes them no longer.
    ///
    /// The channel may live on, until it is empty.
    func remove(_ link: WorkerLink) {
        for channel in link.channels { inner.remove(channel.masterEnd.descriptor) }
    }

    /// Lets takes wake the loop, or no longer.
    func setWatching(_ wanted: Bool, in epoll: borrowing Epoll) throws(SystemError) {
        guard wanted != isWatching else { return }
        if wanted {
            try epoll.add(inner.descriptor, [.readable], Source.places.token())
        } else {
            epoll.remove(inner.descriptor)
        }
        isWatching = wanted
    }

    /// Forgets the takes that were reported: one batch, the rest reports itself again.
    func drain() {
        guard hasNews else { return }
        hasNews = false
        _ = inner.wait(milliseconds: 0)
    }
}
