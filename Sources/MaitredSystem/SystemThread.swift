// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A thread of its own for a body that waits in system calls, and what the body returns.
///
/// Wraps `pthread_create(3)`. Whoever starts one joins it.
package final class SystemThread<Result: Sendable>: Sendable {
    private let thread: pthread_t
    private let place = Place()

    /// Where the body's result goes.
    private final class Place: @unchecked Sendable {
        // SAFETY: the thread writes it before it ends, and nobody reads it before the thread was joined.
        var result: Result?
    }

    /// Starts a thread.
    ///
    /// - Parameter body: What it runs.
    /// - Throws: EAGAIN when there can be no more threads.
    package init(_ body: @escaping @Sendable () -> Result) throws(SystemError) {
        let place = place
        thread = try startThread { place.result = body() }
    }

    /// Waits for the thread's end; to be called once.
    ///
    /// Wraps `pthread_join(3)`.
    ///
    /// - Returns: What the body returned.
    package func join() -> Result {
        let error = pthread_join(thread, nil)
        precondition(error == 0, "a thread is joined once: \(SystemError.words(for: error))")
        guard let result = place.result else { preconditionFailure("a thread that has ended has a result") }
        return result
    }
}

/// What a thread begins with.
private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
        self.run = run
    }
}

private func startThread(_ run: @escaping @Sendable () -> Void) throws(SystemError) -> pthread_t {
    // SAFETY: the thread takes over the reference; when there is none, we keep it.
    let reference = unsafe Unmanaged.passRetained(ThreadBody(run))
    var thread = pthread_t()
    let error = unsafe pthread_create(
        &thread,
        nil,
        { argument in
            guard let argument = unsafe argument else { preconditionFailure("a thread is given its body") }
            unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        },
        reference.toOpaque()
    )
    guard error == 0 else {
        unsafe reference.release()
        throw SystemError(call: "start", object: "a thread", errno: error)
    }
    return thread
}

/// Lets the calling thread's waits end when they are due.
///
/// Else the kernel may end them up to 50 microseconds later, to end several at once. Wraps `prctl(2)` PR_SET_TIMERSLACK.
package func sharpenTimers() {
    _ = maitred_linux_set_timer_slack(1)
}
