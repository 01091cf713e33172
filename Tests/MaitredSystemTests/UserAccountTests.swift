// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct UserAccountTests {
    @Test func `a user is found by name`() throws {
        let root = try UserAccount.named("root")
        #expect(root.name == "root" && root.id == 0 && root.group == 0)
        #expect(root.groups.contains(0))
        #expect(root.home == "/root")
    }

    @Test(arguments: ["", "no-such-user", "root\0", "0", "ro ot", String(repeating: "x", count: 5000)])
    func `a name that no user has is an error that names it`(name: String) {
        let error = #expect(throws: AccountError.self) { _ = try UserAccount.named(name) }
        #expect(error?.description == "no such user '\(name)'")
    }

    @Test func `a group is found by name`() throws {
        #expect(try UserGroup.id(named: "root") == 0)
        let error = #expect(throws: AccountError.self) { _ = try UserGroup.id(named: "no-such-group") }
        #expect(error?.description == "no such group 'no-such-group'")
    }

    @Test func `a process that is not root cannot change the user`() async {
        await #expect(processExitsWith: .success) {
            let user = try UserAccount.named("nobody")
            if geteuid() == 0 { #expect(setuid(user.id) == 0) }
            let text = "cannot change to user 'nobody' for /bin/sh: Operation not permitted (EPERM)"
            #expect(systemError { () throws(SystemError) in try run("exit 0", as: user) }?.description == text)
            #expect(Zombie.next() == nil)
        }
    }
}

/// Processes that run as `nobody`.
@Suite(.timeLimit(.minutes(5)), .enabled(if: geteuid() == 0, "only root can start a process as another user"))
struct OtherUserTests {
    @Test func `a worker has the user, the groups and no privilege`() async {
        await #expect(processExitsWith: .success) {
            let user = UserAccount(name: "x", id: 65_534, group: 65_533, groups: [65_533, 4242], home: "/")
            let child = try start("exec sleep 60", as: user)
            #expect(statusField("Uid", of: child.pid) == "65534655346553465534")
            #expect(statusField("Gid", of: child.pid) == "65533655336553365533")
            #expect(readFile("/proc/\(child.pid)/status")?.contains("Groups:\t4242 65533 \n") == true)
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                #expect(statusField(set, of: child.pid) == "0000000000000000")
            }
            #expect(statusField("SigBlk", of: child.pid) == "0000000000000000")
            #expect(getpgid(child.pid) == child.pid)
            child.signal(SIGKILL)
            #expect(end(of: child) == .signaled(signal: SIGKILL))
        }
    }

    @Test(arguments: [
        "kill -0 $PPID", "kill -WINCH $PPID", "cat /proc/$PPID/environ", ": < /proc/$PPID/mem", ": > /proc/$PPID/mem",
        "readlink /proc/$PPID/fd/0", "ls /proc/$PPID/map_files/",
    ])
    func `a worker can neither signal nor trace its master`(attempt: String) async {
        await #expect(processExitsWith: .success) { [attempt = attempt as String] in
            let withRights = try run(attempt, as: nil)
            #expect(withRights == .exited(code: 0))
            let without = try run("! (\(attempt))", as: .nobody)
            #expect(without == .exited(code: 0))
        }
    }

    @Test func `descriptors, shared memory and /proc/self/fd are a worker's as before`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let memory = Descriptor(owning: maitred_linux_sealed_memory("page", 4096))
            let script = """
                printf taken >&3 && test "$(ls -l /proc/$$/fd/4)" != "" && printf page 1<>/proc/self/fd/4 && \\
                test "$(head -c 4 /proc/self/fd/4)" = page
                """
            let status = try run(script, as: .nobody, [pair.first.descriptor.number, memory.number])
            #expect(status == .exited(code: 0))
            #expect(isReadable(pair.second.descriptor.number))
            var text = [UInt8](repeating: 0, count: 4)
            #expect(pread(memory.number, &text, 4, 0) == 4 && text == Array("page".utf8))
        }
    }

    @Test func `a program that the user may not execute is an error that names both`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                try writeFile("\(directory)/program", "#!/bin/sh\n", mode: 0o700)
                let path = "\(directory)/program"
                let error = systemError { () throws(SystemError) in try run("", as: .nobody, path: path) }
                #expect(error?.description == "cannot run \(path) as user 'nobody': Permission denied (EACCES)")
                #expect(Zombie.next() == nil)
            }
        }
    }

    /// For the kernel, -1 means "leave it as it is".
    @Test(arguments: [(UInt32.max, UInt32(65_534)), (65_534, .max)])
    func `an account that would leave a privilege behind is refused`(user: UInt32, group: UInt32) async {
        await #expect(processExitsWith: .success) { [user = user as UInt32, group = group as UInt32] in
            let account = UserAccount(name: "x", id: user, group: group, groups: [65_534], home: "/")
            let error = systemError { () throws(SystemError) in try run("exit 0", as: account) }
            #expect(error?.description == "cannot change to user 'x' for /bin/sh: it could change back")
        }
    }

    /// Somebody of the same user could stop it before its exec. A lease on the program's file holds it up as well.
    @Test func `a start that hangs does not hang the master`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                let path = "\(directory)/program"
                chmod(directory, 0o755)
                try writeFile(path, "#!/bin/sh\n", mode: 0o755)
                let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
                _ = signal(SIGIO, SIG_IGN)
                #expect(fcntl(file.number, setLease, F_WRLCK) == 0)
                let error = systemError { () throws(SystemError) in try run("", as: .nobody, path: path) }
                #expect(error?.description.hasSuffix("'nobody': the file could not be executed in time") == true)
                #expect(error?.errno == ETIMEDOUT)
                var zombie: Zombie?
                #expect(
                    eventually {
                        zombie = Zombie.next()
                        return zombie != nil
                    }
                )
                #expect(zombie?.status == .signaled(signal: SIGKILL))
            }
        }
    }
}

extension UserAccount {
    /// What such an account is everywhere.
    fileprivate static var nobody: UserAccount {
        UserAccount(name: "nobody", id: 65_534, group: 65_534, groups: [65_534], home: "/nonexistent")
    }
}

/// F_SETLEASE of `fcntl(2)`, which Swift does not import.
private let setLease: Int32 = 1024

private func start(
    _ script: String,
    as user: UserAccount?,
    _ descriptors: [Int32] = [],
    path: String = "/bin/sh"
) throws(SystemError) -> ChildProcess {
    try ChildProcess.spawn(
        SpawnPlan(
            path: path,
            arguments: ["sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin"],
            descriptors: descriptors,
            descriptorLimit: try .current(),
            user: user
        )
    )
}

/// Runs a script to its end.
@discardableResult
private func run(
    _ script: String,
    as user: UserAccount?,
    _ descriptors: [Int32] = [],
    path: String = "/bin/sh"
) throws(SystemError) -> MaitredSystem.ExitStatus? {
    end(of: try start(script, as: user, descriptors, path: path))
}
