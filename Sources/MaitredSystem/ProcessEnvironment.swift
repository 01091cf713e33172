// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The variables this process was started with.
///
/// See `environ(7)`.
package enum ProcessEnvironment {
    /// All of them; the first of a name counts, as for `getenv(3)`, and entries without `=` are skipped.
    package static func variables() -> [String: String] {
        var variables: [String: String] = [:]
        // SAFETY: environ ends with NULL, and this process has one thread that changes nothing meanwhile.
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if let mark = text.firstIndex(of: "=") {
                let name = String(text[..<mark])
                if variables[name] == nil { variables[name] = String(text[text.index(after: mark)...]) }
            }
            unsafe next += 1
        }
        return variables
    }
}
