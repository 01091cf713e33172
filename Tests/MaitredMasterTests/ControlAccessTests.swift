// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import Testing

@testable import MaitredMaster

struct ControlAccessTests {
    private static let master: Int32 = 100
    private let access = ControlAccess(user: 1000, group: 50, master: master)
    private let elsewhere = ProcessLineage.known(ancestors: [300, 200, 1], group: 400)

    private func refusal(
        user: UInt32 = 1000,
        groups: [UInt32] = [1000],
        pid: Int32 = 400,
        _ lineage: ProcessLineage,
        workers: Set<Int32> = [101, 102],
        of access: ControlAccess? = nil
    ) -> ControlRefusal? {
        (access ?? self.access)
            .refusal(user: user, groups: groups, pid: pid, lineage: { lineage }, workerGroups: workers)
    }

    @Test func `the master's user, root and the control group's members are let in`() {
        #expect(refusal(elsewhere) == nil)
        #expect(refusal(user: 0, groups: [0], elsewhere) == nil)
        #expect(refusal(user: 2000, groups: [50], elsewhere) == nil)
        #expect(refusal(user: 2000, groups: [2000, 7, 50], elsewhere) == nil)
    }

    @Test func `strangers are not, and nobody looks where they come from`() {
        let look = { () -> ProcessLineage in
            Issue.record("a stranger's ancestors were looked at")
            return .hidden
        }
        #expect(
            access.refusal(user: 2000, groups: [2000, 51], pid: 400, lineage: look, workerGroups: []) == .stranger
        )
        let alone = ControlAccess(user: 1000, group: nil, master: Self.master)
        #expect(refusal(user: 2000, groups: [50], elsewhere, of: alone) == .stranger)
        #expect(refusal(user: 2000, groups: [1000], elsewhere, of: alone) == .stranger)
    }

    @Test(arguments: [UInt32(0), 1000, 2000])
    func `whoever descends from the master is not let in, whoever it is`(user: UInt32) {
        for ancestors: [Int32] in [[100, 1], [100], [101, 100, 1], [300, 101, 100, 50, 1]] {
            #expect(refusal(user: user, groups: [50], .known(ancestors: ancestors, group: 400)) == .worker)
        }
    }

    @Test(arguments: [UInt32(0), 1000, 2000])
    func `whoever is in a worker's group is not let in, wherever it comes from`(user: UInt32) {
        #expect(refusal(user: user, groups: [50], .known(ancestors: [1], group: 102)) == .worker)
        #expect(refusal(user: user, groups: [50], .known(ancestors: [1], group: 103)) == nil)
    }

    @Test func `the master itself is no worker`() {
        #expect(refusal(pid: Self.master, .unclear) == nil)
        #expect(refusal(user: 2000, groups: [1], pid: Self.master, elsewhere) == .stranger)
    }

    @Test func `who cannot be seen has to be root`() {
        #expect(refusal(user: 0, groups: [0], pid: 0, .hidden) == nil)
        #expect(refusal(pid: 0, .hidden) == .hidden)
        #expect(refusal(user: 2000, groups: [50], .hidden) == .hidden)
    }

    @Test(arguments: [UInt32(0), 1000, 2000])
    func `who was not seen clearly is not let in`(user: UInt32) {
        #expect(refusal(user: user, groups: [50], .unclear) == .unclear)
    }
}
