// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredWire

@Suite(.timeLimit(.minutes(5)))
struct WorkerEnvironmentTests {
    @Test func `what the master writes the worker reads`() throws {
        let environment = WorkerEnvironment(
            entrances: .channels([.init(number: 3, inode: 81), .init(number: 4, inode: .max)]),
            control: .init(number: 5, inode: 1),
            load: .init(number: 6, inode: 2),
            id: 17,
            slot: 3,
            listeners: ["127.0.0.1:8080", "unix:/run/a=b,1=c%2C.sock"]
        )
        let variables = Dictionary(uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) })
        #expect(variables["MAITRED_HANDOFF_FDS"] == "0:3:81,1:4:18446744073709551615")
        #expect(variables["MAITRED_CONTROL_FD"] == "5:1")
        #expect(variables["MAITRED_LOAD_FD"] == "6:2")
        #expect(variables["MAITRED_WORKER_ID"] == "17")
        #expect(variables["MAITRED_WORKER_SLOT"] == "3")
        #expect(variables["MAITRED_LISTENERS"] == "0=127.0.0.1:8080,1=unix:/run/a%3Db%2C1%3Dc%252C.sock")
        #expect(try WorkerEnvironment.parse { variables[$0] } == environment)
    }

    @Test func `a worker that accepts itself finds listeners instead of channels`() throws {
        let environment = WorkerEnvironment(
            entrances: .listeners([.init(number: 3, inode: 81)]),
            control: .init(number: 4, inode: 1),
            load: .init(number: 5, inode: 2),
            id: 1,
            slot: 0,
            listeners: ["127.0.0.1:8080"]
        )
        var variables = Dictionary(uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) })
        #expect(variables["MAITRED_LISTENER_FDS"] == "0:3:81" && variables["MAITRED_HANDOFF_FDS"] == nil)
        #expect(try WorkerEnvironment.parse { variables[$0] } == environment)

        variables["MAITRED_LISTENERS"] = nil
        var error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        #expect(error == .environment(variable: "MAITRED_LISTENERS", problem: "0 addresses for 1 listeners"))
        variables["MAITRED_LISTENER_FDS"] = "0:4:1"
        variables["MAITRED_LISTENERS"] = "0=a"
        error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        #expect(error == .environment(variable: "MAITRED_CONTROL_FD", problem: "descriptor 4 is named twice"))
        variables["MAITRED_LISTENER_FDS"] = "3:1"
        error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        #expect(error == .environment(variable: "MAITRED_LISTENER_FDS", problem: "'3:1' is not 0:fd:inode"))
    }

    @Test func `channels and listeners at once are refused`() {
        var variables = good
        variables["MAITRED_LISTENER_FDS"] = "0:7:1"
        let error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        let problem = "is set beside MAITRED_HANDOFF_FDS"
        #expect(error == .environment(variable: "MAITRED_LISTENER_FDS", problem: problem))
    }

    @Test func `a process that no master started has none`() throws {
        #expect(try WorkerEnvironment.parse { _ in nil } == nil)
    }

    @Test(
        arguments: [
            ("MAITRED_HANDOFF_FDS", "", "'' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3", "'0:3' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3:x", "'0:3:x' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:-3:1", "'0:-3:1' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3:-1", "'0:3:-1' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3:1:2", "'0:3:1:2' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", ":0:3:1", "':0:3:1' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:99999999999:1", "'0:99999999999:1' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3:99999999999999999999", "'0:3:99999999999999999999' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "1:3:1", "'1:3:1' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "00:3:1", "'00:3:1' is not 0:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3:1,", "'' is not 1:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0:3:1,0:4:1", "'0:4:1' is not 1:fd:inode"),
            ("MAITRED_HANDOFF_FDS", "0: 3:1", "'0: 3:1' is not 0:fd:inode"),
            ("MAITRED_CONTROL_FD", nil, "is not set"),
            ("MAITRED_CONTROL_FD", "", "'' is not fd:inode"),
            ("MAITRED_CONTROL_FD", "5", "'5' is not fd:inode"),
            ("MAITRED_CONTROL_FD", "5:", "'5:' is not fd:inode"),
            ("MAITRED_CONTROL_FD", ":5", "':5' is not fd:inode"),
            ("MAITRED_CONTROL_FD", "-1:5", "'-1:5' is not fd:inode"),
            ("MAITRED_CONTROL_FD", "3:5", "descriptor 3 is named twice"),
            ("MAITRED_LOAD_FD", nil, "is not set"),
            ("MAITRED_LOAD_FD", "six", "'six' is not fd:inode"),
            ("MAITRED_LOAD_FD", "5:1", "descriptor 5 is named twice"),
            ("MAITRED_WORKER_ID", nil, "'' is not a number from 1"),
            ("MAITRED_WORKER_ID", "0", "'0' is not a number from 1"),
            ("MAITRED_WORKER_ID", "1x", "'1x' is not a number from 1"),
            ("MAITRED_WORKER_ID", "99999999999999999999", "'99999999999999999999' is not a number from 1"),
            ("MAITRED_WORKER_SLOT", nil, "'' is not a number from 0"),
            ("MAITRED_WORKER_SLOT", "-1", "'-1' is not a number from 0"),
            ("MAITRED_LISTENERS", nil, "0 addresses for 1 channels"),
            ("MAITRED_LISTENERS", "0=a,1=b", "2 addresses for 1 channels"),
            ("MAITRED_LISTENERS", "127.0.0.1:80", "'127.0.0.1:80' is not 0=address"),
            ("MAITRED_LISTENERS", "1=a", "'1=a' is not 0=address"),
        ] as [(String, String?, String)]
    )
    func `a damaged variable is an error that names it`(variable: String, value: String?, problem: String) {
        var variables = good
        variables[variable] = value
        let error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        #expect(error == .environment(variable: variable, problem: problem))
    }

    @Test func `a channel named twice is refused: it would be closed twice`() {
        var variables = good
        variables["MAITRED_HANDOFF_FDS"] = "0:3:1,1:3:1"
        variables["MAITRED_LISTENERS"] = "0=a,1=b"
        let error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        #expect(error == .environment(variable: "MAITRED_HANDOFF_FDS", problem: "descriptor 3 is named twice"))
    }

    @Test func `more listeners than a worker can have are refused`() {
        var variables = good
        variables["MAITRED_HANDOFF_FDS"] = (0..<33).map { "\($0):\($0 + 10):1" }.joined(separator: ",")
        let error = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        #expect(error == .tooLarge(what: "MAITRED_HANDOFF_FDS", limit: 32))
    }

    @Test func `no text makes it trap`() {
        var random = SeededRandom(seed: 4)
        let letters = Array("0123456789:,=-+x \u{fc}")
        for _ in 0..<20_000 {
            var variables = good
            for name in variables.keys where Int.random(in: 0..<3, using: &random) == 0 {
                let count = Int.random(in: 0...12, using: &random)
                variables[name] = String((0..<count).map { _ in letters.randomElement(using: &random)! })
            }
            _ = wireError { () throws(WireError) in _ = try WorkerEnvironment.parse { variables[$0] } }
        }
    }

    // MARK: - Descriptors

    @Test func `a descriptor that is the one meant is taken over, close-on-exec`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let number = try Descriptor.null().release()
                _ = fcntl(number, F_SETFD, 0)
                let claimed = try DescriptorReference(number: number, inode: inodeOfDescriptor(number)).claim(for: "X")
                #expect(claimed.number == number)
                #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `another file under the number is refused and left alone`() throws {
        let stranger = try Descriptor.null()
        let reference = DescriptorReference(number: stranger.number, inode: try stranger.inode() &+ 1)
        let error = wireError { () throws(WireError) in _ = try reference.claim(for: "MAITRED_LOAD_FD") }
        let problem = "descriptor \(stranger.number) is another file by now"
        #expect(error == .environment(variable: "MAITRED_LOAD_FD", problem: problem))
        #expect(isOpenDescriptor(stranger.number))
    }

    @Test func `a number that is not open is refused`() {
        let error = wireError { () throws(WireError) in
            _ = try DescriptorReference(number: 999_999, inode: 1).claim(for: "MAITRED_CONTROL_FD")
        }
        let problem = "descriptor 999999 is not open: it was closed on the way"
        #expect(error == .environment(variable: "MAITRED_CONTROL_FD", problem: problem))
    }
}

private let good = [
    "MAITRED_HANDOFF_FDS": "0:3:1", "MAITRED_CONTROL_FD": "5:1", "MAITRED_LOAD_FD": "6:2", "MAITRED_WORKER_ID": "1",
    "MAITRED_WORKER_SLOT": "0", "MAITRED_LISTENERS": "0=127.0.0.1:80",
]
