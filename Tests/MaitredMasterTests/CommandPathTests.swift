// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

@testable import MaitredMaster

struct CommandPathTests {
    /// The path found, or the line that says why none was.
    private func resolve(_ command: String, in searchPath: String? = "/nowhere") -> String {
        do throws(StartupError) {
            return try CommandPath.resolve(command, searchPath: searchPath)
        } catch {
            return error.description
        }
    }

    @Test func `a path is taken as it is`() throws {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/server", "#!/bin/sh\n", mode: 0o755)
            #expect(resolve("\(directory)/server") == "\(directory)/server")
        }
    }

    @Test func `what is wrong with a path is said in one line`() throws {
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/text", "hello", mode: 0o644)
            #expect(resolve("\(directory)/none") == "cannot run '\(directory)/none': no such file")
            #expect(resolve(directory) == "cannot run '\(directory)': it is a directory")
            #expect(
                resolve("\(directory)/text")
                    == "cannot run '\(directory)/text': it may not be executed: check its permissions (chmod +x)"
            )
            #expect(resolve("\(directory)/text/x") == "cannot run '\(directory)/text/x': no such file")
        }
    }

    @Test func `a name is looked up in order, and what cannot be run is passed over`() throws {
        try withTemporaryDirectory { directory in
            let (first, second) = ("\(directory)/1", "\(directory)/2")
            for path in [first, second] { try #require(mkdir(path, 0o755) == 0) }
            try writeFile("\(first)/server", "text", mode: 0o644)
            try writeFile("\(second)/server", "#!/bin/sh\n", mode: 0o755)
            #expect(resolve("server", in: "/nowhere:\(first):\(second)") == "\(second)/server")
            #expect(resolve("server", in: first).hasPrefix("cannot run 'server': it may not be executed"))
            #expect(resolve("other", in: "\(first):\(second)") == "cannot run 'other': not found in PATH")
            try writeFile("\(first)/both", "#!/bin/sh\n", mode: 0o755)
            try writeFile("\(second)/both", "#!/bin/sh\n", mode: 0o755)
            #expect(resolve("both", in: "\(first):\(second)") == "\(first)/both")
        }
    }

    @Test func `without PATH the usual places are searched`() {
        #expect(resolve("sh", in: nil) == "/usr/bin/sh" || resolve("sh", in: nil) == "/bin/sh")
    }

    @Test(arguments: ["", ":", "/nowhere:", ":/nowhere"])
    func `an empty part of PATH is the working directory`(searchPath: String) {
        #expect(resolve("no-such-command", in: searchPath) == "cannot run 'no-such-command': not found in PATH")
        #expect(resolve("proc", in: searchPath).hasPrefix("cannot run 'proc'"))
    }

    @Test func `an empty name is not found`() {
        #expect(resolve("", in: "/usr/bin") == "cannot run '': not found in PATH")
    }
}
