// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import Testing

@testable import MaitredConsole

struct EventTextTests {
    private let worker = WorkerIdentity(id: 3, slot: 1, generation: 2, pid: 4711)

    private func line(_ event: Event) -> [UInt8] {
        ControlJSON.line(EventRecord(sequence: 8, time: "2026-11-22T18:53:46.123+0000", event: event))
    }

    @Test func `an event is a line like one of the log`() throws {
        let event = Event.worker(worker, .busy(queued: 4, for: .milliseconds(1234)))
        #expect(
            try EventText.line(line(event), style: .plain, hasDate: true)
                == "2026-11-22T18:53:46.123+0000 notice: worker 3 is busy: it takes nothing "
                + "for=1.234 generation=2 pid=4711 queued=4 slot=1 worker=3"
        )
    }

    @Test func `a terminal shows the time of day, and values with blanks in quotes`() throws {
        let event = Event.rollout(.reloadRefused(reason: "no \"worker\"\u{1B}"))
        #expect(
            try EventText.line(line(event), style: .plain, hasDate: false)
                == #"18:53:46.123 error: nothing is reloaded: no "worker"\u{1b} reason="no \"worker\"\u{1b}""#
        )
    }

    @Test func `levels and facts that this version does not know are printed`() throws {
        let line =
            #"{"sequence":1,"time":"x","event":"e","level":"loud","message":"m","a":[1],"b":null,"c":true,"d":2.5}"#
        #expect(
            try EventText.line(Array(line.utf8), style: .plain, hasDate: false) == "x loud: m a=? b=? c=true d=2.5"
        )
    }

    @Test(arguments: ["", "{}", "[]", "{\"time\":1}"])
    func `what is no event is an error`(_ text: String) {
        #expect(throws: ControlError.self) { try EventText.line(Array(text.utf8), style: .plain, hasDate: true) }
    }
}
