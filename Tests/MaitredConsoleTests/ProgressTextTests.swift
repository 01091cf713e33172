// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import Testing

@testable import MaitredConsole

struct ProgressTextTests {
    private typealias Progress = ControlReply.Progress

    @Test func `a terminal has one line that changes`() {
        var text = ProgressText("replaced", isTerminal: true)
        #expect(text.end() == "")
        #expect(text.step(Progress(done: 1, total: 4)) == "\rreplaced 1 of 4\u{1B}[K")
        #expect(text.step(Progress(done: 1, total: 4)) == "")
        #expect(text.step(Progress(done: 2, total: 4)) == "\rreplaced 2 of 4\u{1B}[K")
        #expect(text.end() == "\n")
        #expect(text.end() == "")
    }

    @Test func `a pipe has a line for each step`() {
        var text = ProgressText("drained", isTerminal: false)
        #expect(
            text.step(Progress(done: 0, total: 1)) + text.step(Progress(done: 1, total: 1))
                == "drained 0 of 1\ndrained 1 of 1\n"
        )
        #expect(text.end() == "")
    }
}
