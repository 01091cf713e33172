// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@testable import MaitredSystemd

@Suite(.timeLimit(.minutes(1)))
struct ServiceNotifierTests {
    @Test func `states arrive at a path`() throws {
        let manager = try DatagramReceiver()
        let notifier = try ServiceNotifier(environment: ["NOTIFY_SOCKET": manager.address])
        #expect(notifier.isActive == true)
        #expect(notifier.send(.ready, .status("4 workers")) == true)
        #expect(manager.nextText() == "READY=1\nSTATUS=4 workers")
        #expect(manager.nextText() == nil)
    }

    @Test func `states arrive at an abstract name`() throws {
        let manager = try DatagramReceiver("@maitred-test-\(getpid())-\(UInt32.random(in: 0...(.max)))")
        let notifier = try ServiceNotifier(environment: ["NOTIFY_SOCKET": manager.address])
        #expect(notifier.send(.watchdog) == true)
        #expect(manager.nextText() == "WATCHDOG=1")
    }

    @Test func `without a manager everything is said and nothing sent`() throws {
        for environment in [[:], ["NOTIFY_SOCKET": ""]] {
            let notifier = try ServiceNotifier(environment: environment)
            #expect(notifier.isActive == false)
            #expect(notifier.send(.ready) == true)
        }
    }

    @Test(arguments: [
        ("vsock:2:1234", EAFNOSUPPORT), ("relative", EAFNOSUPPORT), ("@", EINVAL),
        ("/" + String(repeating: "x", count: 200), ENAMETOOLONG),
        ("@" + String(repeating: "x", count: 200), ENAMETOOLONG),
    ])
    func `an address of another kind is an error that names it`(address: String, code: CInt) {
        let error = #expect(throws: SystemError.self) {
            let notifier = try ServiceNotifier(environment: ["NOTIFY_SOCKET": address])
            notifier.send(.ready)
        }
        #expect(error?.errno == code)
        #expect(error?.object == (address.hasPrefix("@") ? String(address.dropFirst()) : address))
    }

    /// The call returns although nobody reads: with a blocking send this test would reach its time limit.
    @Test func `a full queue makes the send fail at once and not wait`() throws {
        let manager = try DatagramReceiver()
        let notifier = try ServiceNotifier(environment: ["NOTIFY_SOCKET": manager.address])
        var taken = 0
        while notifier.send(.status("\(taken)")) { taken += 1 }
        #expect(taken > 0)
        #expect(manager.nextText() == "STATUS=0")
        #expect(notifier.send(.stopping) == true, "room again")
    }

    @Test func `a manager that went away is no error, and one that came back is found`() throws {
        let path = DatagramReceiver.temporaryPath()
        var manager: DatagramReceiver? = try DatagramReceiver(path)
        let notifier = try ServiceNotifier(environment: ["NOTIFY_SOCKET": path])
        withExtendedLifetime(manager) {}
        manager = nil
        #expect(notifier.send(.ready) == false)
        manager = try DatagramReceiver(path)
        #expect(notifier.send(.ready) == true)
        #expect(manager?.nextText() == "READY=1")
    }
}
