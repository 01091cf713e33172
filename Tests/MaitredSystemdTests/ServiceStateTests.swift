// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredSystemd

struct ServiceStateTests {
    @Test(arguments: [
        (ServiceState.ready, "READY=1"),
        (.reloading(monotonicNanoseconds: 12_345_678), "RELOADING=1\nMONOTONIC_USEC=12345"),
        (.stopping, "STOPPING=1"),
        (.status("4 workers, 17 open"), "STATUS=4 workers, 17 open"),
        (.extendTimeout(.milliseconds(1500)), "EXTEND_TIMEOUT_USEC=1500000"),
        (.watchdog, "WATCHDOG=1"),
        (.mainProcess(42), "MAINPID=42"),
    ])
    func `a state is the line that the protocol has for it`(state: ServiceState, text: String) {
        #expect(String(decoding: ServiceState.datagram([state]), as: UTF8.self) == text)
    }

    @Test func `several states are one datagram`() {
        let bytes = ServiceState.datagram([.ready, .status("ready")])
        #expect(String(decoding: bytes, as: UTF8.self) == "READY=1\nSTATUS=ready")
    }

    @Test func `a status cannot bring a state of its own in`() {
        #expect(ServiceState.status("a\nMAINPID=1\r\nb\u{0}").lines == ["STATUS=a MAINPID=1  b "])
    }

    @Test(arguments: [
        (Duration.zero, "1"), (.seconds(-3), "1"), (.nanoseconds(1), "1"), (.seconds(Int64.max), "\(Int64.max)"),
    ])
    func `an extension is never zero and never overflows`(time: Duration, microseconds: String) {
        #expect(ServiceState.extendTimeout(time).lines == ["EXTEND_TIMEOUT_USEC=\(microseconds)"])
    }
}
