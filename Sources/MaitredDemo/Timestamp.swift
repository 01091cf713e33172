// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment in UTC, in the two forms that HTTP servers write.
struct Timestamp {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private let fields: tm
    private let milliseconds: Int

    /// - Parameters:
    ///   - seconds: Since 1970.
    ///   - milliseconds: Beyond the second.
    init(seconds: Int, milliseconds: Int) {
        var seconds = seconds
        var fields = tm()
        _ = gmtime_r(&seconds, &fields)
        self.fields = fields
        self.milliseconds = milliseconds
    }

    /// The time of day.
    static func now() -> Timestamp {
        var now = timespec()
        _ = clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(seconds: now.tv_sec, milliseconds: now.tv_nsec / 1_000_000)
    }

    /// "2026-11-22T18:53:46.123Z".
    var iso8601: String {
        let date = "\(1900 + Int(fields.tm_year))-\(padded(fields.tm_mon + 1))-\(padded(fields.tm_mday))"
        return "\(date)T\(time).\(String(1000 + milliseconds).dropFirst())Z"
    }

    /// "Sun, 22 Nov 2026 18:53:46 GMT", as the `Date` header has it.
    var httpDate: String {
        let month = Self.months[Int(fields.tm_mon)]
        let date = "\(Self.days[Int(fields.tm_wday)]), \(padded(fields.tm_mday)) \(month) \(1900 + Int(fields.tm_year))"
        return "\(date) \(time) GMT"
    }

    private var time: String {
        "\(padded(fields.tm_hour)):\(padded(fields.tm_min)):\(padded(fields.tm_sec))"
    }

    private func padded(_ number: CInt) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
