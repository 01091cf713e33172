// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import MaitredWire
import Testing

@testable import MaitredWorker

struct WorkerErrorTests {
    @Test func `an error keeps the line of what caused it`() {
        let wire = WorkerError(WireError.environment(variable: "MAITRED_LOAD_FD", problem: "is not set"))
        #expect(wire.code == .environment)
        #expect(wire.description == "MAITRED_LOAD_FD: is not set")
        let system = WorkerError(SystemError(call: "map shared memory", object: "", errno: 12))
        #expect(system.code == .environment)
        #expect(system.description == "cannot map shared memory: Cannot allocate memory (ENOMEM)")
    }

    @Test func `a message that is too long is not the environment's fault`() {
        #expect(WorkerError(WireError.tooLarge(what: "a message", limit: 1)).code == .tooLarge)
    }
}
