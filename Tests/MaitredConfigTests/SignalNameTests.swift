// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct SignalNameTests {
    @Test(
        arguments: [
            ("TERM", 15), ("SIGTERM", 15), ("sigterm", 15), ("15", 15), ("HUP", 1), ("INT", 2), ("QUIT", 3),
            ("USR1", 10),
            ("USR2", 12), ("WINCH", 28), ("31", 31), ("IOT", 6), ("POLL", 29),
        ] as [(String, Int32)]
    )
    func `a name in either form or a Linux number is a signal`(_ text: String, _ number: Int32) throws {
        #expect(try SignalName(text).number == number)
    }

    @Test(arguments: ["SIGTERM", "SIGHUP", "SIGABRT", "SIGIO", "SIGUSR2"])
    func `a signal prints its usual name`(_ text: String) throws {
        #expect(try SignalName(text).description == text)
    }

    @Test(arguments: ["KILL", "SIGKILL", "9", "STOP", "sigstop", "19"])
    func `signals that no program can handle are refused`(_ text: String) {
        let expected = "'\(text)' cannot be handled by a program: give a signal like TERM, INT or QUIT"
        #expect(problem { () throws(InvalidValue) in try SignalName(text) } == expected)
    }

    @Test(arguments: [
        ("TREM", "did you mean TERM?"), ("SIGQIUT", "did you mean QUIT?"),
        ("0", "give a name like TERM, INT or QUIT, or its number"),
        ("32", "give a name like TERM, INT or QUIT, or its number"),
        ("-15", "give a name like TERM, INT or QUIT, or its number"),
        ("", "give a name like TERM, INT or QUIT, or its number"),
    ])
    func `anything else is no signal`(_ text: String, _ advice: String) {
        #expect(problem { () throws(InvalidValue) in try SignalName(text) } == "'\(text)' is not a signal: \(advice)")
    }
}
