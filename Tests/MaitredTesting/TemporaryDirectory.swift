// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Runs a body with a new, empty directory, and removes the directory with everything in it afterwards.
///
/// The path is short enough for Unix sockets, and the same whatever TMPDIR says.
@discardableResult
package func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = try newTemporaryDirectory()
    defer { removeTree(path) }
    return try body(path)
}

/// The same for a body that waits for exit tests.
@discardableResult
package func withTemporaryDirectory<Result>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let path = try newTemporaryDirectory()
    defer { removeTree(path) }
    return try await body(path)
}

/// The permission bits of a file, nil when there is none.
package func fileMode(_ path: String) -> UInt32? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

/// Writes a file of a test.
package func writeFile(_ path: String, _ text: String, mode: UInt32 = 0o644) throws(TestFailure) {
    let number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard number >= 0 else { throw TestFailure("cannot create \(path)", errno: errno) }
    defer { close(number) }
    let written = text.withCString { write(number, $0, strlen($0)) }
    guard written == text.utf8.count else { throw TestFailure("cannot write \(path)", errno: errno) }
}

/// The whole text of a file, nil when it cannot be read.
package func readFile(_ path: String) -> String? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    defer { close(number) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(number, &chunk, chunk.count)
        if count <= 0 { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
        bytes += chunk[..<count]
    }
}

/// The names in a directory, in no order; none when it cannot be read.
package func directoryEntries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

private func newTemporaryDirectory() throws(TestFailure) -> String {
    var template = Array("/tmp/maitred-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("cannot create a temporary directory", errno: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func removeTree(_ path: String) {
    for name in directoryEntries(path) { removeTree("\(path)/\(name)") }
    if unlink(path) != 0 { rmdir(path) }
}
