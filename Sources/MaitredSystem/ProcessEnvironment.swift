// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The variables this process was started with. See `environ(7)`.
package enum ProcessEnvironment {
    /// All of them, in order; entries without `=` are skipped.
    package static func variables() -> [(name: String, value: String)] {
        var variables: [(name: String, value: String)] = []
        // SAFETY: environ ends with NULL, and this process has one thread that changes nothing meanwhile.
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if let mark = text.firstIndex(of: "=") {
                variables.append((String(text[..<mark]), String(text[text.index(after: mark)...])))
            }
            unsafe next += 1
        }
        return variables
    }
}
