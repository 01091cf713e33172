// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct ControlLocationTests {
    @Test(
        arguments: [("auto", .automatic), ("none", .off), ("/run/a.sock", .path("/run/a.sock"))]
            as [(String, ControlLocation)]
    )
    func `two words and absolute paths are places, and print as they were written`(
        _ text: String,
        _ location: ControlLocation
    ) throws {
        #expect(try ControlLocation(text) == location)
        #expect(location.description == text)
    }

    @Test(arguments: ["", "off", "a.sock", "unix:/a", "/run/", "/a\0b", "AUTO"])
    func `anything else is told what would be right`(_ text: String) {
        let refusal = problem { () throws(InvalidValue) in try ControlLocation(text) }
        #expect(refusal?.hasSuffix("as in /run/web.control, or 'auto' or 'none'") == true)
    }

    @Test func `a path that the kernel cannot take is refused`() {
        let text = "/" + String(repeating: "a", count: 107)
        let refusal = problem { () throws(InvalidValue) in try ControlLocation(text) }
        #expect(refusal?.hasSuffix(" is too long: 108 bytes of path, where Linux takes 107") == true)
    }
}
