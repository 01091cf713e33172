// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredTesting
import MaitredWire
import MaitredWorker
import Testing

/// What a fork does to a worker.
@Suite(.timeLimit(.minutes(5)))
struct AttachmentTests {
    /// The pattern of a server that forks for each connection: the parent closes its copy right after the fork.
    @Test func `a forked child counts by itself, without being asked`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let client = try side.client()
            guard case .connection(let connection) = worker.take(from: 0) else {
                Issue.record("nothing was taken")
                return
            }
            let child = maitred_linux_fork()
            if child == 0 {
                pause()
                _exit(0)
            }
            connection.close()
            #expect(eventually { side.page.totals().processes == 2 })
            #expect(eventually { side.page.read().holds == 1 })
            #expect(side.page.read().taken == 1)
            kill(child, SIGKILL)
            #expect(eventually { side.page.dropDeadRows(leader: getpid(), limit: 119) == 1 })
            #expect(side.page.read().holds == 0)
            #expect(try client.readToEnd() == "")
            waitpid(child, nil, 0)
        }
    }

    @Test func `parent and child take from the same channel`() async {
        await #expect(processExitsWith: .success) {
            let side = try Side()
            try side.adoptHere()
            let worker = try Worker.attach()
            let child = maitred_linux_fork()
            if child == 0 {
                var taken = 0
                while taken < 5 {
                    _ = worker.wait(milliseconds: 1000)
                    if case .connection(let connection) = worker.take(from: 0) {
                        connection.close()
                        taken += 1
                    }
                }
                _exit(worker.openConnections == 0 ? 0 : 1)
            }
            let clients = try (0..<5).map { _ in try side.client() }
            for client in clients { #expect(try client.readToEnd() == "") }
            var status: Int32 = -1
            waitpid(child, &status, 0)
            #expect(status == 0)
            #expect(side.page.read().taken == 5 && side.page.read().holds == 0)
            #expect(worker.openConnections == 0)
        }
    }
}
