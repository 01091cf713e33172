// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Signal numbers, so that who decides about signals need not import the C library.
///
/// See `signal(7)`.
package enum Signal {
    /// SIGTERM.
    package static let terminate = SIGTERM
    /// SIGINT, what Ctrl-C sends.
    package static let interrupt = SIGINT
    /// SIGHUP, what a closing terminal sends.
    package static let hangUp = SIGHUP
    /// SIGCHLD.
    package static let child = SIGCHLD
    /// SIGKILL.
    package static let kill = SIGKILL

    /// A signal's name, as in SIGSEGV; nil when it has none.
    package static func name(of signal: CInt) -> String? {
        // SAFETY: sigabbrev_np returns a static string or NULL.
        unsafe maitred_linux_signal_name(signal).map { unsafe "SIG\(String(cString: $0))" }
    }
}
