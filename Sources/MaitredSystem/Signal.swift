// SPDX-License-Identifier: Apache-2.0

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
}
