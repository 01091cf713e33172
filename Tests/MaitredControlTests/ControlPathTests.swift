// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredControl

struct ControlPathTests {
    private let user = ["XDG_RUNTIME_DIR": "/run/user/7"]

    /// Finds a master on a disk with these sockets.
    private func find(
        path: String? = nil,
        name: String? = nil,
        environment: [String: String] = [:],
        euid: UInt32 = 0,
        on disk: [String],
        dead: [String] = []
    ) throws(ControlPathError) -> String {
        try ControlPath.find(
            path: path,
            name: name,
            environment: environment,
            euid: euid,
            namesIn: { directory in
                disk.filter { $0.hasPrefix("\(directory)/") }.map {
                    String($0.dropFirst(directory.count + 1).prefix { $0 != "/" })
                }
            },
            exists: { disk.contains($0) },
            answers: { !dead.contains($0) }
        )
    }

    @Test func `a master binds in systemd's directory, else in the one of its user`() {
        let systemd = user.merging(["RUNTIME_DIRECTORY": "/run/maitred/web:/run/other"]) { $1 }
        #expect(ControlPath.binding(environment: systemd, euid: 5, name: "x") == "/run/maitred/web/control.sock")
        #expect(ControlPath.binding(environment: user, euid: 0, name: "x") == "/run/maitred/x/control.sock")
        #expect(ControlPath.binding(environment: user, euid: 5, name: "x") == "/run/user/7/maitred/x/control.sock")
        #expect(ControlPath.binding(environment: [:], euid: 5, name: "x") == nil)
    }

    @Test(arguments: ["", ".", "..", "a/b", "a\0"])
    func `a name that is none of a directory binds nowhere`(_ name: String) {
        #expect(ControlPath.binding(environment: user, euid: 0, name: name) == nil)
        #expect(ControlPath.candidates(environment: user, euid: 0, name: name).isEmpty)
    }

    @Test func `where a master binds its clients look`() {
        for euid: UInt32 in [0, 5] {
            let place = ControlPath.binding(environment: user, euid: euid, name: "web")
            #expect(ControlPath.candidates(environment: user, euid: euid, name: "web").first == place)
        }
    }

    @Test func `the only master is found, also that of another user`() throws {
        #expect(try find(on: ["/run/maitred/web/control.sock"]) == "/run/maitred/web/control.sock")
        #expect(
            try find(environment: user, euid: 5, on: ["/run/maitred/web/control.sock"])
                == "/run/maitred/web/control.sock"
        )
    }

    @Test func `the service's own socket is not taken for a control socket`() {
        #expect(throws: ControlPathError.missing(name: nil, looked: ["/run/maitred/*/control.sock"])) {
            try find(on: ["/run/maitred/web.sock", "/run/maitred/web/other.sock"])
        }
    }

    @Test func `several masters are told by their names`() throws {
        let disk = ["/run/maitred/web/control.sock", "/run/maitred/api/control.sock"]
        #expect(throws: ControlPathError.several(["api", "web"], byName: true)) { try find(on: disk) }
        #expect(try find(name: "api", on: disk) == "/run/maitred/api/control.sock")
        #expect(try find(environment: ["MAITRED_NAME": "web"], on: disk) == "/run/maitred/web/control.sock")
        #expect(
            "\(ControlPathError.several(["api", "web"], byName: true))"
                == "several masters are running: api, web; which one? Give --name NAME"
        )
    }

    @Test func `a socket that a killed master left is no master, unless it is the only one`() throws {
        let disk = ["/run/maitred/web/control.sock", "/run/maitred/api/control.sock"]
        #expect(try find(on: disk, dead: [disk[1]]) == disk[0])
        #expect(try find(on: [disk[1]], dead: [disk[1]]) == disk[1])
        #expect(throws: ControlPathError.missing(name: nil, looked: ["/run/maitred/*/control.sock"])) {
            try find(on: disk, dead: disk)
        }
    }

    @Test func `one name in two directories is told by paths`() {
        let disk = ["/run/maitred/web/control.sock", "/run/user/7/maitred/web/control.sock"]
        #expect(throws: ControlPathError.several(disk, byName: false)) { try find(environment: user, on: disk) }
    }

    @Test func `a path counts before a name, and both before the environment`() throws {
        let disk = ["/run/maitred/web/control.sock"]
        let environment = ["MAITRED_CONTROL": "/e.sock"]
        #expect(try find(path: "/p.sock", name: "web", environment: environment, on: disk) == "/p.sock")
        #expect(try find(name: "web", environment: environment, on: disk) == disk[0])
        #expect(try find(environment: environment, on: disk) == "/e.sock")
    }

    @Test(arguments: ["", "auto", "none"])
    func `a word for the master is no path`(_ word: String) throws {
        let disk = ["/run/maitred/web/control.sock"]
        #expect(try find(environment: ["MAITRED_CONTROL": word], on: disk) == disk[0])
    }

    @Test func `a command that systemd runs for the service finds that service`() throws {
        let disk = ["/run/maitred/web/control.sock", "/run/maitred/api/control.sock"]
        #expect(try find(environment: ["RUNTIME_DIRECTORY": "/run/maitred/web"], on: disk) == disk[0])
    }

    @Test func `a name nobody has says where was looked`() {
        let error = #expect(throws: ControlPathError.self) { try find(name: "x", environment: user, euid: 5, on: []) }
        #expect(
            error?.description
                == "no master named 'x' is running: nothing at /run/user/7/maitred/x/control.sock or "
                + "/run/maitred/x/control.sock; --control PATH names another place"
        )
    }
}
