// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSupervise
import MaitredTesting
import Testing

@testable import MaitredMaster

@Suite(.timeLimit(.minutes(5)))
struct WorkerProgramTests {
    private static let server = "int main(void) { return 0; }"

    private func find(
        _ command: [String],
        in searchPath: String = "/usr/bin:/bin",
        owner: WorkerOwner = WorkerOwner(nil)
    ) -> WorkerProgram? {
        WorkerProgram.find(command, searchPath: searchPath, owner: owner)
    }

    @Test func `a dynamic program has nothing against it`() throws {
        try withTemporaryDirectory { directory in
            let path = try compile(Self.server, in: directory)
            let program = try #require(find([path, "-x"]))
            #expect(program == WorkerProgram(path: path, obstacle: nil, clearsEnvironment: false))
            #expect(program.warning == nil)
        }
    }

    @Test func `a static program is said to be that`() throws {
        try withTemporaryDirectory { directory in
            let path = try compile(Self.server, ["-static"], in: directory)
            let line = "worker program \(path) is statically linked: it is no worker unless it uses an SDK"
            #expect(find([path])?.warning == line)
            #expect(find(["program"], in: "/nowhere:\(directory)")?.warning == line)
        }
    }

    @Test func `a program of the Go toolchain is said to be that`() throws {
        try withTemporaryDirectory { directory in
            // The note that the toolchain leaves, in a program that is loaded like any other.
            let note = #"""
                __asm__(".section .note.go.buildid,\"a\",@note\n.long 4,4,4\n.asciz \"Go\\0\"\n.asciz \"abc\"\n.previous\n");
                """#
            let path = try compile(note + "\n" + Self.server, in: directory)
            #expect(find([path])?.obstacle == .makesOwnCalls)
        }
    }

    @Test func `privileges of a file count against whoever does not have them`() throws {
        try withTemporaryDirectory { directory in
            let path = try compile(Self.server, in: directory)
            try #require(chmod(path, 0o4755) == 0)
            #expect(find([path])?.obstacle == nil)
            let other = WorkerOwner(user: geteuid() + 1, group: getegid())
            #expect(find([path], owner: other)?.obstacle == .gainsPrivileges)
        }
    }

    @Test func `scripts and env are followed to the program behind them`() throws {
        try withTemporaryDirectory { directory in
            let path = try compile(Self.server, ["-static"], named: "fixed", in: directory)
            let script = "\(directory)/a-script"
            let second = "\(directory)/second"
            let searchPath = "/usr/bin:/bin:\(directory)"
            for (text, clears) in [
                ("#!\(path) -x\n", false), ("#!/usr/bin/env fixed\n", false),
                ("#!/usr/bin/env -S A=b fixed -x\n", false),
                ("#!/usr/bin/env -S -i fixed\n", true),
            ] {
                try writeFile(script, text, mode: 0o755)
                try writeFile(second, "#!\(script)\n", mode: 0o755)
                for command in [[script], [second, "x"], ["env", "A=b", script], ["a-script"]] {
                    let program = find(command, in: searchPath)
                    #expect(program?.obstacle == .staticallyLinked, "\(text) \(command)")
                    #expect(program?.path == path && program?.clearsEnvironment == clears)
                }
            }
        }
    }

    @Test func `a command that clears its environment is warned of`() {
        let program = find(["env", "-i", "sleep", "1"])
        #expect(program?.obstacle == nil && program?.clearsEnvironment == true)
        #expect(program?.warning?.contains("sleep is started with an empty environment") == true)
    }

    @Test func `a shell is not what it runs`() throws {
        try withTemporaryDirectory { directory in
            let path = try compile(Self.server, ["-static"], named: "bash", in: directory)
            #expect(find([path, "-c", "./server"])?.obstacle == nil)
        }
    }

    @Test func `what cannot be followed is not judged`() throws {
        try withTemporaryDirectory { directory in
            let loop = "\(directory)/loop"
            try writeFile(loop, "#!\(loop)\n", mode: 0o755)
            try writeFile("\(directory)/text", "hello\n", mode: 0o755)
            try writeFile("\(directory)/lost", "#!/nonexistent\n", mode: 0o755)
            for command in [
                [loop], ["\(directory)/text"], ["\(directory)/lost"], ["env", "no-such-program"], ["env"], [], [""],
            ] {
                let program = find(command)
                #expect(program?.warning == nil, "\(command)")
            }
        }
    }
}
