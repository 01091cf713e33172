// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredConfig

struct WholeNumberTests {
    @Test(arguments: [("1", 1), ("64", 64), ("007", 7), ("0000000000000000000000000000000005", 5)])
    func `decimal digits in the range are taken`(_ text: String, _ number: Int) throws {
        #expect(try wholeNumber(text, in: 1...64) == number)
    }

    @Test(arguments: ["0", "65", "900", "-1", "999999999999999999999999999999", "-999999999999999999999999999999"])
    func `a number outside the range is told the range`(_ text: String) {
        let expected = "'\(text)' is out of range: give a whole number from 1 to 64"
        #expect(problem { () throws(InvalidValue) in try wholeNumber(text, in: 1...64) } == expected)
    }

    @Test(arguments: ["", "abc", "1.5", "+5", "--5", "1 ", "0x10", "1_000", "1e3", "१२", "16k"])
    func `anything else is no whole number`(_ text: String) {
        let expected = "'\(text)' is not a whole number: give a whole number from 1 to 64"
        #expect(problem { () throws(InvalidValue) in try wholeNumber(text, in: 1...64) } == expected)
    }

    @Test func `the word that stands for no number is part of the advice`() {
        let expected = "'x' is not a whole number: give a whole number from 1 to 64, or 'none'"
        #expect(problem { () throws(InvalidValue) in try wholeNumber("x", in: 1...64, orWord: "none") } == expected)
    }
}
