// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// Sets an integer socket option.
///
/// Wraps `setsockopt(2)`.
package func setSocketOption(
    _ socket: borrowing Descriptor,
    _ level: CInt,
    _ option: CInt,
    _ value: CInt
) throws(SystemError) {
    var value = value
    try check("set a socket option of", "descriptor \(socket.number)") {
        unsafe setsockopt(socket.number, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}

/// An integer option of level SOL_SOCKET, nil when the descriptor is no socket.
///
/// Wraps `getsockopt(2)`.
package func socketOption(_ number: CInt, _ option: CInt) -> CInt? {
    var value: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    return unsafe getsockopt(number, SOL_SOCKET, option, &value, &length) == 0 ? value : nil
}

/// Sets O_NONBLOCK on an open file.
///
/// Wraps `fcntl(2)` F_SETFL.
package func setNonBlocking(_ descriptor: borrowing Descriptor) throws(SystemError) {
    let number = descriptor.number
    let flags = try check("read the flags of", "descriptor \(number)") { fcntl(number, F_GETFL) }
    try check("set O_NONBLOCK on", "descriptor \(number)") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
}
