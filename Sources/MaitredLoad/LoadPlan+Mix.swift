// SPDX-License-Identifier: Apache-2.0

extension LoadPlan.Request {
    /// Reads a mix: `90:/,10:/work?ms=50`, weights before paths.
    ///
    /// A comma belongs to the path unless a weight and a slash follow it.
    ///
    /// - Parameter text: What the user wrote.
    /// - Returns: At least one request.
    /// - Throws: What is wrong with it, and what would be right.
    package static func mix(_ text: String) throws(LoadFailure) -> [LoadPlan.Request] {
        var parts: [Substring] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            if beginsRequest(piece) || parts.isEmpty {
                parts.append(piece)
            } else {
                // The comma was part of a path: both pieces are parts of the same text.
                parts[parts.count - 1] = text[parts[parts.count - 1].startIndex..<piece.endIndex]
            }
        }
        var requests: [LoadPlan.Request] = []
        for part in parts { requests.append(try request(part, in: text)) }
        return requests
    }

    private static func beginsRequest(_ piece: Substring) -> Bool {
        guard let colon = piece.firstIndex(of: ":") else { return false }
        return !piece[..<colon].isEmpty && piece[..<colon].allSatisfy(\.isNumber)
            && piece[piece.index(after: colon)...].hasPrefix("/")
    }

    private static func request(_ part: Substring, in text: String) throws(LoadFailure) -> LoadPlan.Request {
        guard let colon = part.firstIndex(of: ":"), let weight = Int(part[..<colon]), (1...1_000_000).contains(weight)
        else {
            throw LoadFailure("'\(part)' has no weight from 1 to 1000000 before its path, as in 90:/,10:/work?ms=50")
        }
        let path = String(part[part.index(after: colon)...])
        guard path.hasPrefix("/") else { throw LoadFailure("'\(part)' has a path that does not begin with /") }
        try LoadURL.check(path: path, in: text)
        return LoadPlan.Request(weight: weight, path: path)
    }
}
