// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a text file cannot be read.
package struct UnreadableFile: Error, Equatable, Sendable {
    /// The path as it was given.
    package let path: String
    /// In words: the system's, or what is wrong with the contents.
    package let reason: String
}

/// Small text files, read whole.
package enum TextFile {
    /// Reads a file; a pipe is read to its end.
    ///
    /// Wraps `open(2)` and `read(2)`.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: Bytes above which it is refused: a wrong path may name a disk.
    /// - Throws: `UnreadableFile` with the system's reason, or if the file is too large or not UTF-8.
    /// - Returns: The text.
    package static func read(_ path: String, limit: Int) throws(UnreadableFile) -> String {
        let number = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        guard number >= 0 else { throw UnreadableFile(path: path, reason: SystemError.words(for: -number)) }
        let file = Descriptor(owning: number)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = retrying {
                unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(file.number, $0.baseAddress, $0.count) }
            }
            guard count >= 0 else { throw UnreadableFile(path: path, reason: SystemError.words(for: CInt(-count))) }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
            guard bytes.count <= limit else {
                throw UnreadableFile(path: path, reason: "it is larger than \(limit >> 10) KiB")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw UnreadableFile(path: path, reason: "it is not UTF-8 text")
        }
        return text
    }
}
