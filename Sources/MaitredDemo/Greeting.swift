// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hummingbird
import HummingbirdCore
import NIOCore

/// The JSON object that says who answered which request, and when.
struct Greeting: Sendable {
    private let start: String

    /// - Parameter workerID: The worker's number.
    init(workerID: Int) {
        start = #"{"message":"Hello from maitred!","worker":{"id":\#(workerID),"pid":\#(getpid())},"timestamp":""#
    }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - request: Its URL and method are repeated.
    ///   - extra: One more key with a number.
    /// - Returns: 200 and the object.
    func response(to request: Request, adding extra: (key: String, value: Int)? = nil) -> Response {
        var body = ByteBuffer()
        body.reserveCapacity(256)
        body.writeString(start)
        body.writeString(Timestamp.now().iso8601)
        body.writeString(#"","url":""#)
        body.writeJSONText(request.uri.string)
        body.writeString(#"","method":""#)
        body.writeJSONText(request.method.rawValue)
        body.writeString("\"")
        if let extra { body.writeString(#","\#(extra.key)":\#(extra.value)"#) }
        body.writeString("}\n")
        return Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: body)
        )
    }
}

extension ByteBuffer {
    /// Writes the inside of a JSON string: quotes, backslashes and control characters escaped.
    fileprivate mutating func writeJSONText(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                writeBytes([UInt8(ascii: "\\"), byte])
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                writeString("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
            default:
                writeInteger(byte)
            }
        }
    }
}
