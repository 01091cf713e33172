// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A system call that failed: which one, on what, and why.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// What was attempted, in words that follow "cannot": "bind", "open".
    package let call: String

    /// What it was attempted on: an address, a path, a descriptor's role.
    package let object: String

    /// The error number, always positive.
    package let errno: CInt

    /// Words that say more than the error number's own; nil for those.
    private let reason: String?

    /// Makes an error value; `errno` may be given negative, as the wrappers return it.
    package init(call: String, object: String, errno: CInt, reason: String? = nil) {
        self.call = call
        self.object = object
        self.errno = abs(errno)
        self.reason = reason
    }

    /// Whether somebody has the address already.
    package var isAddressInUse: Bool { errno == EADDRINUSE }

    /// "cannot bind 0.0.0.0:80: Permission denied (EACCES)".
    package var description: String {
        "cannot \(call)\(object.isEmpty ? "" : " " + object): \(reason ?? SystemError.words(for: errno))"
    }

    /// "Permission denied (EACCES)".
    package static func words(for errno: CInt) -> String {
        // SAFETY: strerrorname_np returns a static string; strerror's is static or, since glibc 2.32, the thread's own.
        let text = unsafe String(cString: strerror(errno))
        guard let name = unsafe maitred_linux_errno_name(errno) else { return text }
        return unsafe "\(text) (\(String(cString: name)))"
    }
}

/// Runs a call of the C library's convention until it is not interrupted: the one place that knows EINTR.
///
/// - Returns: the call's result, or the negative error number.
@inline(__always)
func retrying<Count: FixedWidthInteger & SignedInteger>(_ body: () -> Count) -> Count {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = errno
        if error != EINTR { return -Count(truncatingIfNeeded: error) }
    }
}

/// Runs a call that only a broken environment lets fail, and throws with what was attempted.
@discardableResult
@inline(__always)
func check(
    _ call: StaticString,
    _ object: @autoclosure () -> String = "",
    _ body: () -> CInt
) throws(SystemError) -> CInt {
    let result = retrying(body)
    guard result >= 0 else { throw SystemError(call: "\(call)", object: object(), errno: result) }
    return result
}
