// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a figure that was measured here should be read with.
package struct MachineFacts: Equatable, Sendable {
    /// The kernel's release: "6.1.0-18-amd64".
    package let kernel: String
    /// The processor's name, empty when the kernel does not say.
    package let processor: String

    /// This machine's.
    ///
    /// Wraps `uname(2)`, and reads `/proc/cpuinfo`.
    package static func current() -> MachineFacts {
        var names = utsname()
        _ = unsafe uname(&names)
        let kernel = unsafe withUnsafeBytes(of: names.release) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let text = (try? TextFile.read("/proc/cpuinfo", limit: 16 << 20)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = line?.split(separator: ":", maxSplits: 1).last?.drop { $0 == " " }
        return MachineFacts(kernel: kernel, processor: name.map(String.init) ?? "")
    }
}
