// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import HummingbirdCore
import NIOCore

/// A query parameter that is missing or wrong: answered 400 with one line.
struct ParameterError: HTTPResponseError {
    /// What is wrong, and what would be right.
    let problem: String

    var status: HTTPResponse.Status { .badRequest }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: problem + "\n"))
        )
    }
}

extension Request {
    /// A whole number from the query.
    func number(_ name: String, in range: ClosedRange<Int>) throws(ParameterError) -> Int {
        let wanted = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = uri.queryParameters[Substring(name)] else {
            throw ParameterError(problem: "\(uri.path): say ?\(name)= with \(wanted)")
        }
        guard let number = Int(text), range.contains(number) else {
            throw ParameterError(problem: "\(uri.path): \(name)=\(text) is not \(wanted)")
        }
        return number
    }
}
