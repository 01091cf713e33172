// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire
import Testing

/// The demo's routes and its command line.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct DemoTests {
    @Test func `the greeting says who answered what and when`() throws {
        let master = try ScriptedMaster()
        let response = try master.connect().get(#"/?a="b"\c"#)
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "application/json")
        let pattern = try Regex(
            #"""
            \{"message":"Hello from maitred!","worker":\{"id":7,"pid":(\d+)\},"timestamp":"(\S+)","url":"(\S+)","method":"GET"\}\n
            """#
        )
        let match = try #require(try pattern.wholeMatch(in: response.body)?.output)
        #expect(match[1].substring == "\(master.program.pid)")
        let timestamp = try #require(match[2].substring)
        #expect(timestamp.wholeMatch(of: /20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z/) != nil)
        #expect(match[3].substring == #"/?a=\"b\"\\c"#)
        let date = try #require(response.headers["date"])
        #expect(date.wholeMatch(of: /[A-Z][a-z]{2}, [0-3]\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT/) != nil)
    }

    /// Without the word a client takes a connection that is about to be closed for one that it may go on using.
    @Test func `a client that asks for the end of the connection is told that it ends`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        #expect(try client.get(keepAlive: true).headers["connection"] == nil)
        #expect(try client.get(keepAlive: false).headers["connection"] == "close")
    }

    @Test(arguments: ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    func `the greeting answers any method`(_ method: String) throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        try client.send("\(method) / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody")
        #expect(try client.response().body.contains(#""method":"\#(method)""#))
    }

    @Test func `unknown paths are 404 and wrong parameters 400`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        #expect(try client.get("/nothing", keepAlive: true).status == 404)
        let wrong = [
            "/work", "/work?ms=", "/sleep?ms=-1", "/block?ms=1e9", "/alloc?mb=x", "/bytes?n=9999999999999",
            "/exit?code=256",
        ]
        for path in wrong {
            let response = try client.get(path, keepAlive: true)
            #expect(response.status == 400, "\(path)")
            #expect(response.body.split(separator: "\n").count == 1)
        }
        #expect(eventually { master.page.totals().requests == 8 })
        #expect(master.page.totals().errors == 0)
    }

    @Test func `allocated memory is held and added up`() throws {
        let master = try ScriptedMaster()
        let client = try master.connect()
        let before = ProcessFiles.residentBytes(of: master.program.pid)!
        #expect(try client.get("/alloc?mb=30", keepAlive: true).jsonNumber("heldBytes") == 30 << 20)
        #expect(try client.get("/alloc?mb=20", keepAlive: true).jsonNumber("heldBytes") == 50 << 20)
        #expect(ProcessFiles.residentBytes(of: master.program.pid)! > before + 50 << 20)
    }

    @Test(arguments: [0, 1, 65_536, 65_537, 3_000_000])
    func `bytes are as many as asked for`(_ count: Int) throws {
        let master = try ScriptedMaster()
        let response = try master.connect().get("/bytes?n=\(count)")
        #expect(response.headers["content-length"] == "\(count)")
        #expect(response.body.utf8.count == count)
    }

    @Test func `exit and abort end the process`() throws {
        let exiting = try ScriptedMaster()
        try exiting.connect().request("/exit?code=3")
        #expect(try exiting.program.waitExit() == .exited(code: 3))
        let aborting = try ScriptedMaster()
        try aborting.connect().request("/abort")
        #expect(try aborting.program.waitExit() == .signaled(signal: SIGABRT))
    }

    @Test func `without a master it says how to start it`() throws {
        let program = try Program(ProgramPath.built("maitred-demo"))
        #expect(try program.waitExit() == .exited(code: 64))
        #expect(program.errorLines.count == 1)
        #expect(program.errorLines.first?.contains("try: maitred serve") == true)
    }

    @Test func `a damaged environment is one clear line`() throws {
        let program = try Program(ProgramPath.built("maitred-demo"), environment: ["MAITRED_HANDOFF_FDS": "0:99:1"])
        #expect(try program.waitExit() == .exited(code: 1))
        #expect(program.errorLines.count == 1)
    }
}
