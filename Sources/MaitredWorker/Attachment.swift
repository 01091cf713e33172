// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// The one worker of this process, and the hook that gives every forked child its own row.
enum Attachment {
    private static let isTaken = Atomic<Bool>(false)

    // SAFETY: written once, before `hook` is installed; read afterwards only, in forked children of one thread.
    nonisolated(unsafe) private static var worker: Worker?

    /// Reserves the process for one worker; false when it has one.
    static func begin() -> Bool {
        isTaken.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    /// Gives the reservation back after a failed attach.
    static func abandon() {
        isTaken.store(false, ordering: .releasing)
    }

    /// Remembers the worker and installs the hooks around a fork.
    static func complete(_ attached: Worker) {
        unsafe worker = attached
        _ = pthread_atfork(
            { unsafe Attachment.worker?.prepareFork() },
            nil,
            { unsafe Attachment.worker?.claimAfterFork() }
        )
    }
}
