// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem

/// A directory for the control socket of a master that a command starts for itself, for as long as that runs.
struct PrivateDirectory: ~Copyable {
    /// Where it is.
    let path: String

    /// The control socket in it.
    var socket: String { "\(path)/control" }

    /// Makes one that nobody else can enter.
    ///
    /// Wraps `mkdtemp(3)`.
    init() throws {
        let place = ProcessEnvironment.variables()["TMPDIR"] ?? "/tmp"
        var template = Array("\(place)/maitred-XXXXXX".utf8CString)
        // SAFETY: the template ends with NUL and is written to in place.
        let made = unsafe mkdtemp(&template) != nil
        guard made else { throw SystemError(call: "create a directory in", object: place, errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        _ = unsafe unlink("\(path)/control")
        _ = unsafe rmdir(path)
    }
}
