// SPDX-License-Identifier: Apache-2.0

/// Files that Linux runs by a program that was registered for them.
///
/// See the kernel's documentation of binfmt_misc.
package enum ForeignFormats {
    private static let directory = "/proc/sys/fs/binfmt_misc"
    /// Bytes of an entry: its magic and mask have at most 128 bytes, and an interpreter's path at most 127.
    private static let longestEntry = 1 << 10

    /// Whether a file that is neither a program nor a script may be run nevertheless.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isText: Whether it looks like a text: then only its name can speak for it.
    /// - Returns: False when nothing is registered that could.
    package static func mayRun(_ path: String, isText: Bool) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        let ending = name.lastIndex(of: ".").map { "extension \(name[$0...])" }
        return ProcessFiles.names(in: directory) { !["register", "status"].contains($0) }.contains { entry in
            let text = ProcessFiles.bytes(of: "\(directory)/\(entry)", limit: longestEntry) ?? []
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
            guard lines.first == "enabled" else { return false }
            return lines.contains { $0 == ending || (!isText && $0.hasPrefix("magic ")) }
        }
    }
}
