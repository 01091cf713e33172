// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc

/// A block of memory that several processes map: a sealed memfd.
///
/// Wraps `memfd_create(2)` and `mmap(2)`.
///
/// The seals (`F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL`) make it safe to read what another process writes:
/// nobody can shorten the file under the mapping, so no read can raise SIGBUS.
@safe
package final class SharedMemory: @unchecked Sendable {
    /// The memfd, to be given to other processes.
    package let descriptor: Descriptor

    /// Size in bytes.
    package let size: Int

    /// First byte of the mapping; valid while this object lives.
    package let base: UnsafeMutableRawPointer

    /// Creates zeroed, sealed memory.
    ///
    /// - Parameters:
    ///   - name: Shown in `/proc/PID/maps`, nothing else.
    ///   - size: Bytes; a multiple of the page size.
    /// - Throws: What `memfd_create(2)` or `mmap(2)` gave.
    package convenience init(creating name: String, size: Int) throws(SystemError) {
        let number = try check("create shared memory", name) { unsafe maitred_linux_sealed_memory(name, size) }
        try self.init(mapping: Descriptor(owning: number), size: size)
    }

    /// Maps memory that another process created.
    ///
    /// - Throws: EPERM when it is not sealed, EINVAL when it is not exactly `size` bytes long.
    package convenience init(adopting descriptor: consuming Descriptor, size: Int) throws(SystemError) {
        let number = descriptor.number
        let sealed = try check("read the seals of", "descriptor \(number)") { maitred_linux_has_size_seals(number) }
        guard sealed == 1 else {
            throw SystemError(call: "use unsealed shared memory", object: "on descriptor \(number)", errno: EPERM)
        }
        var status = stat()
        try check("inspect", "descriptor \(number)") { unsafe fstat(number, &status) }
        guard Int(status.st_size) == size else {
            throw SystemError(call: "use shared memory of \(status.st_size) bytes", object: "", errno: EINVAL)
        }
        try self.init(mapping: descriptor, size: size)
    }

    private init(mapping descriptor: consuming Descriptor, size: Int) throws(SystemError) {
        let address = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SystemError(call: "map shared memory", object: "", errno: errno)
        }
        self.descriptor = descriptor
        self.size = size
        unsafe self.base = address
    }

    deinit {
        // SAFETY: mapped in init with this size; the pointer is not handed out beyond the object's life.
        _ = unsafe munmap(base, size)
    }
}
