// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ProcessFilesTests {
    @Test func `this process is alive, has a parent and a size`() throws {
        let status = try #require(ProcessFiles.status(of: getpid()))
        #expect(status.isAlive)
        #expect(status.parent == getppid())
        #expect(status.startTime > 0)
        #expect(try #require(ProcessFiles.residentBytes(of: getpid())) > 1 << 20)
    }

    @Test(arguments: [Int32(0), -1, .min, .max])
    func `a number without a process has no status`(pid: Int32) {
        #expect(ProcessFiles.status(of: pid) == nil)
        #expect(ProcessFiles.residentBytes(of: pid) == nil)
    }

    @Test func `a zombie is not alive, and a reaped one is gone`() async {
        await #expect(processExitsWith: .success) {
            let child = try shell("exit 0")
            #expect(isReadable(child.descriptor.number, within: 10_000))
            #expect(ProcessFiles.status(of: child.pid)?.isAlive == false)
            #expect(ProcessFiles.status(of: child.pid)?.parent == getpid())
            #expect(child.reap() == .exited(code: 0))
            #expect(ProcessFiles.status(of: child.pid) == nil)
        }
    }

    @Test func `a name with parentheses and spaces confuses nobody`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                let path = "\(directory)/a) Z 1 ("
                #expect(symlink("/bin/sleep", path) == 0)
                let child = try ChildProcess.spawn(
                    SpawnPlan(
                        path: path,
                        arguments: ["sleep", "60"],
                        environment: [],
                        descriptors: [],
                        descriptorLimit: .current()
                    )
                )
                #expect(readFile("/proc/\(child.pid)/stat")?.contains("(a) Z 1 ()") == true)
                let status = ProcessFiles.status(of: child.pid)
                #expect(status?.isAlive == true)
                #expect(status?.parent == getpid())
                child.signal(SIGKILL)
                #expect(end(of: child) != nil)
            }
        }
    }

    @Test func `a child starts no earlier than its parent, and a look opens nothing for good`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let child = try sleeper()
                let own = ProcessFiles.status(of: getpid())?.startTime ?? .max
                #expect(ProcessFiles.status(of: child.pid)?.startTime ?? 0 >= own)
                child.signal(SIGKILL)
                #expect(end(of: child) != nil)
            }
            #expect(openDescriptorCount() == before)
        }
    }
}
