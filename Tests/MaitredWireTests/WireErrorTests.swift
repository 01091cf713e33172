// SPDX-License-Identifier: Apache-2.0

import MaitredWire
import Testing

struct WireErrorTests {
    @Test(arguments: [
        (WireError.length(of: "a packet", found: 3, wanted: 64), "a packet has 3 bytes, not 64"),
        (.magic(of: "the load page"), "the load page does not begin with maitred's magic number"),
        (.version(of: "a packet", found: 7), "a packet has version 7, this side knows 1"),
        (.descriptorMissing, "a connection's packet came without its descriptor"),
        (.tooLarge(what: "a message", limit: 16), "a message exceeds the limit of 16"),
        (.environment(variable: "MAITRED_LOAD_FD", problem: "is not set"), "MAITRED_LOAD_FD: is not set"),
    ])
    func `an error is one line that says what is wrong`(error: WireError, text: String) {
        #expect(error.description == text)
    }
}
