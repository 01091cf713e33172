// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

struct EnvCommandTests {
    @Test(
        arguments: [
            ("env python3 server.py", "python3 server.py", false, nil),
            ("env -i python3", "python3", true, nil),
            ("env - A=b C= ./server -i", "./server -i", true, nil),
            ("/usr/bin/env A=b PATH=/opt/bin:/bin node x=y", "node x=y", false, "/opt/bin:/bin"),
            ("env -u HOME --unset=B -C /srv --chdir=/x --debug -v -- ./a", "./a", false, nil),
            ("env --ignore-environment --default-signal=PIPE --block-signal ./a", "./a", true, nil),
        ] as [(String, String, Bool, String?)]
    )
    func `what env runs, and with what`(command: String, runs: String, clears: Bool, searchPath: String?) throws {
        let env = try #require(EnvCommand(command.split(separator: " ").map(String.init)))
        #expect(env.words.joined(separator: " ") == runs)
        #expect(env.clears == clears)
        #expect(env.searchPath == searchPath)
    }

    @Test(arguments: [["-S python3 -u"], ["-Spython3 -u"], ["-S", "python3 -u"], ["--split-string=python3  -u"]])
    func `a first line of a script is split where it says so`(arguments: [String]) {
        #expect(EnvCommand(["env"] + arguments + ["server"])?.words == ["python3", "-u", "server"])
    }

    @Test func `options in what is split count too`() {
        let env = EnvCommand(["env", "-S-i A=b sh -c x"])
        #expect(env?.clears == true && env?.words == ["sh", "-c", "x"])
    }

    @Test(arguments: [
        ["env"], ["env", "-i"], ["env", "A=b"], ["env", "--help"], ["env", "-0"], ["env", "-S"], ["env", "-u"],
        ["env", "-S", "a 'b c'"], ["env", "-S${HOME}/x"], [],
    ])
    func `what runs nothing, or is not understood, is nothing`(command: [String]) {
        #expect(EnvCommand(command) == nil)
    }
}
