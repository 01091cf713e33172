// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

@testable import MaitredSystem

struct ExecutableFactsTests {
    @Test(
        arguments: [
            ("#!/bin/sh\n", "/bin/sh", nil),
            ("#! /usr/bin/env python3\nprint(1)\n", "/usr/bin/env", "python3"),
            ("#!\t/usr/bin/env \t -S node --trace  x \t \n", "/usr/bin/env", "-S node --trace  x"),
            ("#!/bin/sh", "/bin/sh", nil),
            ("#!a\0b\n", "a", nil),
        ] as [(String, String, String?)]
    )
    func `the first line of a script names its interpreter`(text: String, interpreter: String, argument: String?) throws
    {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/script", text.replacingZero, mode: 0o755)
            let facts = try #require(ExecutableFacts.read("\(directory)/script"))
            #expect(facts.form == .script(interpreter: interpreter, argument: argument))
        }
    }

    @Test(arguments: ["", "#", "#!", "#!  \t\n", "echo hello\n", "\u{7F}EL"])
    func `what is neither script nor program is said to be that`(text: String) throws {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/file", text, mode: 0o755)
            #expect(ExecutableFacts.read("\(directory)/file")?.form == .other(isText: true))
        }
    }

    @Test func `a line of a megabyte is cut`() throws {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/file", "#!/" + String(repeating: "x", count: 1 << 20))
            let facts = try #require(ExecutableFacts.read("\(directory)/file"))
            #expect(facts.form == .script(interpreter: "/" + String(repeating: "x", count: 253), argument: nil))
        }
    }

    @Test func `only regular files are read, and nothing waits for the others`() throws {
        try withTemporaryDirectory { directory in
            try #require(mkfifo("\(directory)/fifo", 0o700) == 0)
            for path in ["fifo", "none", "", "none/x"] { #expect(ExecutableFacts.read("\(directory)/\(path)") == nil) }
            #expect(ExecutableFacts.read("/dev/zero") == nil)
        }
    }

    @Test func `bits for user and group are seen where they count`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            try writeFile(path, "#!/bin/sh\n")
            for (mode, user, group): (mode_t, Bool, Bool) in [
                (0o755, false, false), (0o4755, true, false), (0o2755, false, true), (0o2744, false, false),
                (0o6755, true, true),
            ] {
                try #require(chmod(path, mode) == 0)
                let facts = try #require(ExecutableFacts.read(path))
                #expect(facts.setUser == (user ? getuid() : nil))
                #expect(facts.setGroup == (group ? getgid() : nil))
                #expect(!facts.hasCapabilities)
            }
        }
    }

    @Test func `where the file system says so the bits count nothing`() throws {
        // /proc is mounted without privileges; its files are whoever's they are about.
        let facts = try #require(ExecutableFacts.read("/proc/self/stat"))
        #expect(facts.setUser == nil && facts.form == .other(isText: true))
    }

    @Test func `capabilities of a file are seen`() throws {
        guard geteuid() == 0 else { return }
        try withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            try writeFile(path, "#!/bin/sh\n")
            // Revision 2, effective: CAP_NET_BIND_SERVICE.
            let value = #"b"\1\0\0\2\0\4" + bytes(14)"#
            let script = "import os, sys; os.setxattr(sys.argv[1], 'security.capability', \(value))"
            let python = try Program("/usr/bin/python3", ["-c", script, path])
            try #require(python.waitExit() == .exited(code: 0), "\(python.lines)")
            #expect(ExecutableFacts.read(path)?.hasCapabilities == true)
        }
    }
}

extension String {
    /// The text up to the first NUL: what a C string of it would be.
    fileprivate var replacingZero: String { String(prefix { $0 != "\0" }) }
}
