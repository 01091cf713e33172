// SPDX-License-Identifier: Apache-2.0

/// Finds the word that was probably meant.
///
/// - Returns: the candidate with the fewest edits from `word`, upper and lower case being equal, and leaving out its last
///   words being one edit; `nil` if even that needs more than one edit per three characters, or if `word` is far longer
///   than any candidate.
package func nearest(to word: String, among candidates: [String]) -> String? {
    let typed = Array(word.utf8.prefix(suggestionLimit + 1)).map(lowercased)
    guard typed.count <= suggestionLimit else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
        let letters = candidate.utf8.map(lowercased)
        let distance = isBeginning(typed, of: letters) ? 1 : editDistance(typed, letters)
        // A third: one slip in a short word, a forgotten or doubled syllable in a long one.
        let allowed = max(1, candidate.utf8.count / 3)
        guard distance <= allowed, distance < best?.distance ?? .max else { continue }
        best = (candidate, distance)
    }
    return best?.candidate
}

/// Bytes of a word that is still compared; no name of ours is half as long, and the comparison is quadratic.
private let suggestionLimit = 64

/// An ASCII letter in lower case; every other byte unchanged.
private func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}

/// Whether a candidate starts with these words and has more: `queue` of `queue-depth`.
private func isBeginning(_ typed: [UInt8], of candidate: [UInt8]) -> Bool {
    guard !typed.isEmpty, typed.count < candidate.count, candidate.starts(with: typed) else { return false }
    return candidate[typed.count] == UInt8(ascii: "-") || candidate[typed.count] == UInt8(ascii: "_")
}

/// The number of insertions, deletions, replacements and swaps of neighbours that turn `first` into `second`.
private func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...second.count)
    for row in first.indices {
        var current = [row + 1]
        for column in second.indices {
            let replaced = last[column] + (first[row] == second[column] ? 0 : 1)
            var distance = min(replaced, last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                distance = min(distance, beforeLast[column - 1] + 1)
            }
            current.append(distance)
        }
        beforeLast = last
        last = current
    }
    return last[second.count]
}
