// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredConfig

/// Why a file cannot be read, in one line.
struct UnreadableFile: Error, CustomStringConvertible {
    let path: String
    let reason: String

    var description: String { "cannot read \(visible(path)): \(reason)" }
}

/// The largest file that is read: a configuration has a few kilobytes, and a wrong path may name a disk.
private let largestFile = 1 << 20

/// Reads a whole text file; a pipe is read to its end.
///
/// Wraps `open(2)` and `read(2)`.
///
/// - Throws: `UnreadableFile` with the system's reason, or if the file is larger than 1 MiB or not UTF-8.
func readTextFile(_ path: String) throws(UnreadableFile) -> String {
    let descriptor = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw UnreadableFile(path: path, reason: systemReason(errno)) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = retrying {
            unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress, buffer.count)
            }
        }
        guard count >= 0 else { throw UnreadableFile(path: path, reason: systemReason(errno)) }
        guard count > 0 else { break }
        bytes += chunk.prefix(count)
        guard bytes.count <= largestFile else {
            throw UnreadableFile(path: path, reason: "it is larger than 1 MiB")
        }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw UnreadableFile(path: path, reason: "it is not UTF-8 text")
    }
    return text
}

/// Repeats a call that a signal interrupted.
private func retrying<Result: BinaryInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        guard result == -1, errno == EINTR else { return result }
    }
}

/// The system's words for an error number.
private func systemReason(_ number: Int32) -> String {
    // SAFETY: one thread; the text is copied before anything else can call strerror.
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
}
