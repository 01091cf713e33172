// SPDX-License-Identifier: Apache-2.0

/// A response as a test's client read it.
package struct TestResponse: Equatable, Sendable {
    /// 200, 404 …
    package let status: Int
    /// Names in lower case.
    package let headers: [String: String]
    /// The whole body.
    package let body: String

    /// An answer that is whole and good, in a protocol that has no status.
    package init(_ body: String) {
        status = 200
        headers = [:]
        self.body = body
    }

    /// The value of a word "name=value" in the body, as the test worker writes them; nil when there is none.
    package func field(_ name: String) -> String? {
        body.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("\(name)=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    /// The number behind `"name":` in a body of JSON, wherever it stands; nil when there is none.
    package func jsonNumber(_ name: String) -> Int? {
        let compact = body.filter { !$0.isWhitespace }
        let key = "\"\(name)\":"
        guard let start = compact.firstRange(of: key)?.upperBound else { return nil }
        return Int(compact[start...].prefix { $0.isNumber || $0 == "-" })
    }

    /// Takes one response out of received bytes.
    ///
    /// - Parameter isEnd: Nothing more comes: a body without an announced length is whole.
    /// - Returns: nil while it is not whole.
    init?(takingFrom received: inout [UInt8], isEnd: Bool) {
        guard let headEnd = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: received[..<headEnd.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        let rest = received[headEnd.upperBound...]
        let length: Int
        if let announced = headers["content-length"].flatMap({ Int($0) }) {
            guard rest.count >= announced else { return nil }
            length = announced
        } else {
            guard isEnd else { return nil }
            length = rest.count
        }
        self.status = status
        self.headers = headers
        body = String(decoding: rest.prefix(length), as: UTF8.self)
        received = Array(rest.dropFirst(length))
    }
}
