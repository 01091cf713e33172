// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// What a registration in an `Epoll` stands for: 8 bits of kind and 56 bits of identity.
///
/// Identities that are never reused make an event for a thing already gone recognisable: it is looked up and not found.
package struct EpollToken: Equatable, Sendable {
    /// Kind and identity in one word, as the kernel keeps it.
    package let rawValue: UInt64

    /// - Parameters:
    ///   - kind: What sort of thing it is; the owner of the epoll decides.
    ///   - identity: Which one, less than 2^56.
    package init(kind: UInt8, identity: UInt64) {
        precondition(identity < 1 << 56, "identity does not fit a token")
        rawValue = UInt64(kind) << 56 | identity
    }

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// What sort of thing it is.
    package var kind: UInt8 { UInt8(rawValue >> 56) }

    /// Which one.
    package var identity: UInt64 { rawValue & ((1 << 56) - 1) }
}

/// The readiness a registration asks for or an event reports.
///
/// Wraps the `EPOLL*` bits of `epoll_ctl(2)`.
package struct Readiness: OptionSet, Sendable {
    /// The kernel's bits.
    package let rawValue: UInt32

    /// Wraps the kernel's bits.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Something can be received or accepted.
    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    /// Something can be sent.
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// Report changes only.
    package static let edge = Readiness(rawValue: EPOLLET.rawValue)
    /// The other side is gone.
    package static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue)
}

extension Readiness {
    // A literal of several is an array, and costs its memory: these are for where that matters.

    /// What a client's connection is watched for: something can be received, or nothing ever again, changes only.
    package static let streamInput = Readiness(rawValue: EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue)
    /// The same, and something can be sent.
    package static let stream = Readiness(rawValue: streamInput.rawValue | EPOLLOUT.rawValue)

    /// A client's connection that is watched for its end alone, once.
    package static let streamEnd = Readiness(rawValue: EPOLLRDHUP.rawValue | EPOLLET.rawValue)

    /// Whether the other side has ended what it sends, or everything.
    package var isEnding: Bool { rawValue & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
}

/// An epoll instance and its event buffer.
///
/// Wraps `epoll(7)`.
@safe
package struct Epoll: ~Copyable {
    /// The epoll's own descriptor, readable while an event waits: an epoll can watch another.
    package let descriptor: Descriptor

    private let buffer: UnsafeMutableBufferPointer<epoll_event>

    /// - Parameter capacity: The most events one wait returns.
    /// - Throws: What `epoll_create1(2)` gave.
    package init(capacity: Int) throws(SystemError) {
        let number = try check("create an epoll") { epoll_create1(CInt(EPOLL_CLOEXEC)) }
        descriptor = Descriptor(owning: number)
        unsafe buffer = .allocate(capacity: capacity)
        unsafe buffer.initialize(repeating: epoll_event())
    }

    deinit {
        // SAFETY: allocated in init, freed only here.
        unsafe buffer.deallocate()
    }

    /// Watches a descriptor.
    package func add(
        _ watched: borrowing Descriptor,
        _ readiness: Readiness,
        _ token: EpollToken
    ) throws(SystemError) {
        try control(EPOLL_CTL_ADD, watched.number, readiness, token)
    }

    /// Changes what is reported of a watched descriptor; an empty set reports nothing but errors and hang-ups.
    package func modify(
        _ watched: borrowing Descriptor,
        _ readiness: Readiness,
        _ token: EpollToken
    ) throws(SystemError) {
        try control(EPOLL_CTL_MOD, watched.number, readiness, token)
    }

    /// Stops watching.
    ///
    /// Needed even before a close when a duplicate of the descriptor stays open somewhere.
    package func remove(_ watched: borrowing Descriptor) {
        _ = epoll_ctl(descriptor.number, EPOLL_CTL_DEL, watched.number, nil)
    }

    private func control(
        _ operation: CInt,
        _ number: CInt,
        _ readiness: Readiness,
        _ token: EpollToken
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = readiness.rawValue
        unsafe event.data.u64 = token.rawValue
        try check("watch", "descriptor \(number)") {
            unsafe epoll_ctl(descriptor.number, operation, number, &event)
        }
    }

    /// Waits for events; read them with `event(at:)`.
    ///
    /// - Parameter milliseconds: The longest wait; 0 does not wait, -1 waits for ever.
    /// - Returns: The number of events. An interrupted wait returns 0.
    package func wait(milliseconds: CInt) -> Int {
        // SAFETY: the buffer lives as long as self and its count is passed.
        let count = unsafe epoll_wait(descriptor.number, buffer.baseAddress, CInt(buffer.count), milliseconds)
        if count >= 0 { return Int(count) }
        precondition(errno == EINTR, "epoll_wait on our own descriptor failed: \(SystemError.words(for: errno))")
        return 0
    }

    /// Waits for events like `wait(milliseconds:)`, for a time that milliseconds are too coarse for.
    ///
    /// Wraps `epoll_pwait2(2)`.
    ///
    /// - Parameter nanoseconds: The longest wait; 0 does not wait.
    /// - Returns: The number of events. An interrupted wait returns 0.
    package func wait(nanoseconds: UInt64) -> Int {
        let seconds = Int(nanoseconds / 1_000_000_000)
        var limit = timespec(tv_sec: seconds, tv_nsec: Int(nanoseconds % 1_000_000_000))
        // SAFETY: the buffer lives as long as self and its count is passed.
        let count = unsafe epoll_pwait2(descriptor.number, buffer.baseAddress, CInt(buffer.count), &limit, nil)
        if count >= 0 { return Int(count) }
        precondition(errno == EINTR, "epoll_pwait2 on our own descriptor failed: \(SystemError.words(for: errno))")
        return 0
    }

    /// One event of the last wait.
    ///
    /// - Parameter index: 0 ..< the wait's result.
    /// - Returns: What it is about, and what happened.
    package func event(at index: Int) -> (token: EpollToken, readiness: Readiness) {
        // SAFETY: the kernel filled the elements below the last wait's result; others are initialised too.
        let event = unsafe buffer[index]
        return unsafe (token: unsafe EpollToken(rawValue: event.data.u64), readiness: Readiness(rawValue: event.events))
    }
}
