// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SharedMemoryTests {
    @Test func `two mappings are the same memory, zero at first`() throws {
        let first = try SharedMemory(creating: "test", size: 16384)
        let second = try SharedMemory(adopting: first.descriptor.duplicate(), size: 16384)
        #expect(first.base.load(fromByteOffset: 16376, as: UInt64.self) == 0)
        first.base.storeBytes(of: 42, toByteOffset: 16376, as: UInt64.self)
        #expect(second.base.load(fromByteOffset: 16376, as: UInt64.self) == 42)
        #expect(isCloseOnExec(first.descriptor.number))
    }

    @Test func `nobody can shrink it, grow it or change its seals`() throws {
        let memory = try SharedMemory(creating: "test", size: 16384)
        let number = memory.descriptor.number
        for size in [0, 4096, 16383, 16385, 1 << 20] {
            #expect(ftruncate(number, size) == -1)
            #expect(errno == EPERM)
        }
        // F_ADD_SEALS, F_SEAL_WRITE: Swift sees neither.
        #expect(fcntl(number, 1033, 8) == -1)
        #expect(errno == EPERM)
    }

    @Test func `memory of another size is refused`() throws {
        let memory = try SharedMemory(creating: "test", size: 8192)
        let error = systemError { () throws(SystemError) in
            _ = try SharedMemory(adopting: memory.descriptor.duplicate(), size: 16384)
        }
        #expect(error?.errno == EINVAL)
        #expect(error?.description.contains("8192 bytes") == true)
    }

    @Test func `memory without seals is refused`() throws {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/plain", String(repeating: "x", count: 16384))
            let plain = open("\(directory)/plain", O_RDWR | O_CLOEXEC)
            let error = systemError { () throws(SystemError) in
                _ = try SharedMemory(adopting: Descriptor(owning: plain), size: 16384)
            }
            #expect(error?.errno == EINVAL)
        }
        let unsealed = maitred_test_memory()
        let error = systemError { () throws(SystemError) in
            _ = try SharedMemory(adopting: Descriptor(owning: unsealed), size: 16384)
        }
        #expect(error?.errno == EPERM)
        #expect(error?.description.contains("unsealed") == true)
    }

    @Test func `no path leaves a descriptor or a mapping behind`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            for _ in 0..<100 {
                let memory = try SharedMemory(creating: "leak-test", size: 16384)
                _ = try SharedMemory(adopting: memory.descriptor.duplicate(), size: 16384)
                _ = systemError { () throws(SystemError) in
                    _ = try SharedMemory(adopting: memory.descriptor.duplicate(), size: 4096)
                }
                _ = systemError { () throws(SystemError) in _ = try SharedMemory(adopting: Descriptor.null(), size: 1) }
            }
            #expect(openDescriptorCount() == before)
            #expect(readFile("/proc/self/maps")?.contains("leak-test") == false)
        }
    }
}

/// A file of memory of the right size that carries no seals: on the memory file system, where seals exist.
private func maitred_test_memory() -> Int32 {
    let path = "/dev/shm/maitred-test-\(getpid())"
    let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    unlink(path)
    ftruncate(number, 16384)
    return number
}
