// SPDX-License-Identifier: Apache-2.0

/// Reads a whole number in decimal digits, and nothing else: no sign, no blank, no separator.
///
/// - Throws: `InvalidValue`, also for a number of any length that no integer holds.
package func wholeNumber(
    _ text: String,
    in range: ClosedRange<Int>,
    orWord word: String? = nil
) throws(InvalidValue)
    -> Int
{
    let advice = "give \(wholeNumberExpectation(range, orWord: word))"
    guard isDecimal(text) || (text.first == "-" && isDecimal(text.dropFirst())) else {
        throw InvalidValue("\(quoted(text)) is not a whole number: \(advice)")
    }
    guard let number = Int(text), range.contains(number) else {
        throw InvalidValue("\(quoted(text)) is out of range: \(advice)")
    }
    return number
}

/// What a whole number setting accepts, as errors and documents say it: `a whole number from 1 to 64`.
package func wholeNumberExpectation(_ range: ClosedRange<Int>, orWord word: String? = nil) -> String {
    let number = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    return word.map { "\(number), or '\($0)'" } ?? number
}

/// Whether a text consists of ASCII digits, at least one.
func isDecimal(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
}
