// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Runs a body on several threads of their own at once, and returns when all have ended.
///
/// Real threads, because the bodies wait in system calls: the pool of Swift tasks has one thread per processor.
///
/// - Parameter body: Gets the thread's index, 0 ..< count.
package func inThreads(_ count: Int, _ body: @Sendable @escaping (Int) -> Void) {
    let threads = (0..<count).map { index in startThread { body(index) } }
    for thread in threads { pthread_join(thread, nil) }
}

/// A body that runs in a thread of its own, and what it returns.
package final class Background<Result: Sendable>: Sendable {
    private let thread: pthread_t
    private let result = Guarded<Result?>(nil)
    private let isJoined = Guarded(false)

    /// Starts it.
    package init(_ body: @Sendable @escaping () -> Result) {
        let result = result
        thread = startThread {
            let value = body()
            result.withLock { $0 = value }
        }
    }

    /// Waits for its end, at the first call.
    @discardableResult
    package func join() -> Result {
        isJoined.withLock { isJoined in
            if !isJoined { pthread_join(thread, nil) }
            isJoined = true
        }
        guard let value = result.withLock({ $0 }) else { preconditionFailure("it ended without a result") }
        return value
    }
}

/// Starts a thread that somebody joins or detaches.
package func startThread(_ body: @Sendable @escaping () -> Void) -> pthread_t {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(ThreadBody(body))
    let result = pthread_create(
        &thread,
        nil,
        { argument in
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        },
        box.toOpaque()
    )
    precondition(result == 0, "cannot start a thread: errno \(result)")
    return thread
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @Sendable @escaping () -> Void) {
        self.body = body
    }
}
