// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import Synchronization

/// Wakes the thread that sits in `poll(2)`: a socket pair with at most one byte in it.
final class Bell: Sendable {
    /// Readable after `ring()`.
    let watched: CInt

    private let sender: CInt

    /// Whether a byte was written that is not yet read.
    private let isRung = Atomic<Bool>(false)

    init() throws {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw IOError(errnoCode: errno, reason: "socketpair") }
        watched = ends[0]
        sender = ends[1]
    }

    deinit {
        close(watched)
        close(sender)
    }

    /// Wakes the poller.
    ///
    /// What it shall find must have been written before.
    func ring() {
        guard !isRung.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var byte: UInt8 = 1
        _ = send(sender, &byte, 1, CInt(MSG_NOSIGNAL))
    }

    /// Takes the byte out.
    ///
    /// The poller looks at everything again afterwards, so a ring that falls in between is heard.
    func silence() {
        var byte: UInt8 = 0
        _ = recv(watched, &byte, 1, 0)
        isRung.store(false, ordering: .releasing)
    }
}
