// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredTesting
import Synchronization
import Testing

/// In exit tests throughout: reaping takes any child's result.
@Suite(.timeLimit(.minutes(5)))
struct ChildProcessTests {
    @Test(arguments: [0, 1, 10, 30])
    func `a child has exactly the descriptors it was given`(count: Int) async {
        await #expect(processExitsWith: .success) { [count = count as Int] in
            // Numbers that are the targets of others, given in the opposite order.
            let pairs = try (0..<(count + 1) / 2).map { _ in try TestPair() }
            let own = pairs.flatMap { [$0.first.descriptor.number, $0.second.descriptor.number] }
            let sources = Array(own.reversed().prefix(count))
            let stranger = try Descriptor.null()
            _ = fcntl(stranger.number, F_SETFD, 0)

            let mine = openDescriptors(of: getpid())
            let child = try withExtendedLifetime(pairs) { try sleeper(descriptors: sources) }
            #expect(isOpen(stranger.number))
            var wanted: [Int32: String?] = [0: "/dev/null", 1: mine[1], 2: mine[2]]
            for (index, source) in sources.enumerated() { wanted[Int32(index) + 3] = mine[source] }
            // The child's loader opens and closes libraries for a moment.
            #expect(eventually { openDescriptors(of: child.pid) == wanted.compactMapValues { $0 } })
            child.signal(SIGKILL)
            #expect(end(of: child) == .signaled(signal: SIGKILL))
        }
    }

    @Test func `the same descriptor can be given twice`() async {
        await #expect(processExitsWith: .success) {
            let pair = try TestPair()
            let number = pair.first.descriptor.number
            let child = try withExtendedLifetime(pair) { try sleeper(descriptors: [number, number]) }
            let name = openDescriptors(of: getpid())[number]
            #expect(eventually { openDescriptors(of: child.pid).count == 5 })
            #expect(openDescriptors(of: child.pid)[3] == name && openDescriptors(of: child.pid)[4] == name)
            child.signal(SIGKILL)
            #expect(end(of: child) != nil)
        }
    }

    @Test func `a child blocks and ignores no signal, whatever its parent does`() async {
        await #expect(processExitsWith: .success) {
            _ = signal(SIGPIPE, SIG_IGN)
            _ = signal(SIGTERM, SIG_IGN)
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            let child = try sleeper()
            #expect(statusField("SigBlk", of: child.pid) == "0000000000000000")
            #expect(statusField("SigIgn", of: child.pid) == "0000000000000000")
            child.signal(SIGTERM)
            #expect(end(of: child) == .signaled(signal: SIGTERM))
        }
    }

    @Test func `a child leads a process group of its own`() async {
        await #expect(processExitsWith: .success) {
            let child = try sleeper()
            #expect(getpgid(child.pid) == child.pid)
            #expect(getpgid(0) != child.pid)
            child.signal(SIGKILL)
            #expect(end(of: child) != nil)
        }
    }

    @Test func `a child gets its own descriptor limit, and the parent keeps its`() async {
        await #expect(processExitsWith: .success) {
            let own = try DescriptorLimit.current()
            let child = try sleeper(limit: DescriptorLimit(soft: 77, hard: own.hard))
            #expect(descriptorLimit(of: child.pid)?.soft == 77)
            #expect(descriptorLimit(of: child.pid)?.hard == own.hard)
            #expect(try DescriptorLimit.current() == own)
            child.signal(SIGKILL)
            #expect(end(of: child) != nil)
        }
    }

    /// An unprivileged parent could never raise its hard limit again.
    @Test func `a lower hard limit for the child does not lower the parent's`() async {
        await #expect(processExitsWith: .success) {
            let own = try DescriptorLimit.current()
            let user = geteuid() == 0 ? uid_t(65534) : geteuid()
            #expect(seteuid(user) == 0)
            let child = try sleeper(limit: DescriptorLimit(soft: 77, hard: 78))
            #expect(descriptorLimit(of: child.pid) == DescriptorLimit(soft: 77, hard: 78))
            #expect(try DescriptorLimit.current() == own)
            child.signal(SIGKILL)
            #expect(end(of: child) != nil)
            #expect(seteuid(getuid()) == 0)
        }
    }

    @Test func `a limit that cannot be is an error that says so`() async {
        await #expect(processExitsWith: .success) {
            let error = systemError { () throws(SystemError) in
                _ = try ChildProcess.spawn(
                    SpawnPlan(
                        path: "/bin/true",
                        arguments: ["true"],
                        environment: [],
                        descriptors: [],
                        descriptorLimit: DescriptorLimit(soft: 78, hard: 77)
                    )
                )
            }
            #expect(error?.description == "cannot set RLIMIT_NOFILE for /bin/true: Invalid argument (EINVAL)")
            #expect(Zombie.next() == nil)
        }
    }

    @Test func `output and errors go where they are sent`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                let before = openDescriptorCount()
                do {
                    let output = Descriptor(owning: creat("\(directory)/output", 0o600))
                    let errors = Descriptor(owning: creat("\(directory)/errors", 0o600))
                    var plan = SpawnPlan(
                        path: "/bin/sh",
                        arguments: ["sh", "-c", "echo said; echo warned >&2; ls /proc/self/fd >&3"],
                        environment: ["PATH=/usr/bin:/bin"],
                        descriptors: [output.number],
                        descriptorLimit: try .current(),
                        standardOutput: output.number,
                        standardError: errors.number
                    )
                    #expect(end(of: try ChildProcess.spawn(plan)) == .exited(code: 0))
                    // ls has one more, to read the directory.
                    #expect(readFile("\(directory)/output") == "said\n0\n1\n2\n3\n4\n")
                    #expect(readFile("\(directory)/errors") == "warned\n")
                    plan.standardOutput = 1000
                    let error = systemError { () throws(SystemError) in _ = try ChildProcess.spawn(plan) }
                    #expect(error?.errno == EBADF)
                    #expect(error?.call == "set up descriptors for")
                }
                #expect(openDescriptorCount() == before)
            }
        }
    }

    /// Until its exec a child is in its parent's memory, and for a moment in its process group.
    @Test func `a signal to the whole group runs no handler in a child that starts`() async {
        await #expect(processExitsWith: .success) {
            setpgid(0, 0)
            #expect(starter == getpid())
            // Ignored by default, so that it does not end the child either.
            signal(SIGWINCH) { _ in handled.wrappingAdd(getpid() == starter ? 1 : -1_000_000_000, ordering: .relaxed) }
            // A test's thread blocks what it can; a child begins with what its parent's thread blocks.
            var none = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, nil)
            let sender = maitred_linux_fork()
            if sender == 0 {
                while getppid() == starter { kill(0, SIGWINCH) }
                _exit(0)
            }
            for _ in 0..<300 {
                let child = try shell("exit 0")
                var status: Int32 = -1
                while waitpid(child.pid, &status, 0) < 0 {}
                #expect(status == 0)
            }
            kill(sender, SIGKILL)
            #expect(handled.load(ordering: .relaxed) > 0)
        }
    }

    /// A master of many workers has descriptors far above a worker's limit.
    @Test func `descriptors above the child's limit can be given`() async {
        await #expect(processExitsWith: .success) {
            try DescriptorLimit.current().raiseToHard()
            let own = try DescriptorLimit.current()
            var number: Int32 = 0
            while number < 300 { number = try Descriptor.null().release() }
            let child = try sleeper(
                descriptors: [number, number - 1],
                limit: DescriptorLimit(soft: 100, hard: own.hard)
            )
            #expect(eventually { openDescriptors(of: child.pid).count == 5 })
            child.signal(SIGKILL)
            #expect(end(of: child) != nil)
        }
    }

    @Test(arguments: [
        ("/nowhere/program", Int32(ENOENT), "cannot run /nowhere/program: No such file or directory (ENOENT)"),
        ("/etc/passwd", EACCES, "cannot run /etc/passwd: Permission denied (EACCES)"),
        ("/tmp", EACCES, "cannot run /tmp: Permission denied (EACCES)"),
    ])
    func `a program that cannot run is an error that names it`(path: String, errno: Int32, text: String) async {
        await #expect(processExitsWith: .success) {
            [path = path as String, errno = errno as Int32, text = text as String] in
            let before = openDescriptorCount()
            let limit = try DescriptorLimit.current()
            let plan = SpawnPlan(
                path: path,
                arguments: ["program"],
                environment: [],
                descriptors: [0],
                descriptorLimit: limit
            )
            let error = systemError { () throws(SystemError) in _ = try ChildProcess.spawn(plan) }
            #expect(error?.errno == errno)
            #expect(error?.description == text)
            #expect(openDescriptorCount() == before)
            #expect(try DescriptorLimit.current() == limit)
            #expect(Zombie.next() == nil)
        }
    }

    @Test func `a child whose pidfd cannot be opened does not live on`() async {
        await #expect(processExitsWith: .success) {
            try withDescriptorsExhausted {
                let error = systemError { () throws(SystemError) in
                    _ = try ChildProcess.spawn(
                        SpawnPlan(
                            path: "/bin/sleep",
                            arguments: ["sleep", "60"],
                            environment: [],
                            descriptors: [],
                            descriptorLimit: try .current()
                        )
                    )
                }
                #expect(error?.errno == EMFILE)
            }
            #expect(eventually { waitpid(-1, nil, WNOHANG) != 0 })
        }
    }

    @Test func `a descriptor that is not open cannot be given`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            let error = systemError { () throws(SystemError) in
                _ = try ChildProcess.spawn(
                    SpawnPlan(
                        path: "/bin/true",
                        arguments: ["true"],
                        environment: [],
                        descriptors: [0, 150],
                        descriptorLimit: try .current()
                    )
                )
            }
            #expect(error?.errno == EBADF)
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `more descriptors than a plan may have are refused`() async {
        await #expect(processExitsWith: .success) {
            let error = systemError { () throws(SystemError) in
                _ = try ChildProcess.spawn(
                    SpawnPlan(
                        path: "/bin/true",
                        arguments: ["true"],
                        environment: [],
                        descriptors: Array(repeating: 0, count: 65),
                        descriptorLimit: try .current()
                    )
                )
            }
            #expect(error?.errno == E2BIG)
        }
    }

    @Test func `arguments and environment arrive as they are`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                let plan = SpawnPlan(
                    path: "/bin/sh",
                    arguments: ["sh", "-c", "env > $OUT; printf '%s|' \"$@\" >> $OUT", "x", "a b", "", "ü"],
                    environment: ["OUT=\(directory)/out", "EMPTY=", "TEXT=one two"],
                    descriptors: [],
                    descriptorLimit: try .current()
                )
                let child = try ChildProcess.spawn(plan)
                #expect(end(of: child) == .exited(code: 0))
                let text = readFile("\(directory)/out") ?? ""
                #expect(text.hasSuffix("a b||ü|"))
                #expect(text.contains("EMPTY=\n") && text.contains("TEXT=one two\n"))
            }
        }
    }

    @Test(arguments: [("exit 0", 0), ("exit 7", 7), ("exit 255", 255)])
    func `an exit code arrives`(script: String, code: Int) async {
        await #expect(processExitsWith: .success) { [script = script as String, code = Int32(code) as Int32] in
            let child = try shell(script)
            #expect(end(of: child) == .exited(code: code))
            #expect(child.reap() == .unknown)
        }
    }

    @Test func `a child that runs has no result, and one that ended has it once`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let child = try sleeper()
                #expect(child.reap() == nil)
                #expect(isCloseOnExec(child.descriptor.number))
                child.signal(SIGABRT)
                #expect(end(of: child) == .signaled(signal: SIGABRT))
                child.signal(SIGKILL)
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `any child's result can be taken`() async {
        await #expect(processExitsWith: .success) {
            #expect(Zombie.next() == nil)
            let first = try shell("exit 3")
            let second = try sleeper()
            #expect(isReadable(first.descriptor.number, within: 10_000))
            let zombie = Zombie.next()
            #expect(zombie?.pid == first.pid)
            #expect(zombie?.status == .exited(code: 3))
            #expect(Zombie.next() == nil)
            second.signal(SIGKILL)
            #expect(end(of: second) == .signaled(signal: SIGKILL))
        }
    }

    @Test func `a subreaper inherits what a leader left in its group`() async throws {
        try await withTemporaryDirectory { directory in
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                try becomeSubreaper()
                let leader = try shell("sleep 60 & echo $! > \(directory)/pid")
                let group = ProcessGroup(id: leader.pid)
                #expect(group.exists)
                #expect(end(of: leader) == .exited(code: 0))
                #expect(group.exists)
                let orphan = readFile("\(directory)/pid").flatMap { Int32($0.dropLast()) }
                #expect(eventually { orphan.flatMap { ProcessFiles.status(of: $0) }?.parent == getpid() })
                group.signal(SIGTERM)
                var zombie: Zombie?
                #expect(
                    eventually {
                        zombie = Zombie.next()
                        return zombie != nil
                    }
                )
                #expect(zombie?.pid == orphan)
                #expect(zombie?.status == .signaled(signal: SIGTERM))
                #expect(!group.exists)
                group.signal(SIGKILL)
            }
        }
    }

    @Test func `how a process ended reads well`() {
        #expect(ExitStatus.exited(code: 1).description == "exit code 1")
        #expect(ExitStatus.signaled(signal: SIGKILL).description == "signal 9 (SIGKILL)")
        #expect(ExitStatus.signaled(signal: 40).description == "signal 40")
        #expect(ExitStatus.unknown.description == "unknown status")
    }
}

/// The process that starts others.
private let starter = getpid()

/// How often a signal handler ran here; far below zero once it ran in another process.
private let handled = Atomic(0)

/// A line of `/proc/PID/status`, without its blanks.
func statusField(_ name: String, of pid: Int32) -> String? {
    readFile("/proc/\(pid)/status")?.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        .map { String($0.dropFirst(name.count + 1)).filter { !$0.isWhitespace } }
}

/// RLIMIT_NOFILE of another process.
private func descriptorLimit(of pid: Int32) -> DescriptorLimit? {
    let line = readFile("/proc/\(pid)/limits")?.split(separator: "\n").first { $0.hasPrefix("Max open files") }
    let numbers = line?.split(separator: " ").compactMap { UInt64($0) } ?? []
    return numbers.count == 2 ? DescriptorLimit(soft: numbers[0], hard: numbers[1]) : nil
}
