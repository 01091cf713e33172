// SPDX-License-Identifier: Apache-2.0

/// A signal that a worker can be sent and can handle, known by its Linux number.
public struct SignalName: Hashable, Sendable, CustomStringConvertible {
    /// The number on Linux (every architecture but Alpha, MIPS, SPARC and PA-RISC): see `signal(7)`.
    public let number: Int32

    /// SIGTERM, which most programs take as the request to stop.
    public static let terminate = Self(number: 15)

    /// SIGABRT, which ends a program with a dump of its memory where the system is set up for that.
    public static let abort = Self(number: 6)

    /// The name with its prefix: `SIGTERM`.
    public var description: String {
        let name = Self.table.first { $0.number == number }?.name ?? "\(number)"
        return "SIG\(name)"
    }

    private init(number: Int32) {
        self.number = number
    }

    /// Reads `TERM`, `SIGTERM`, `term` or `15`.
    ///
    /// - Throws: `InvalidValue`, also for SIGKILL and SIGSTOP: no program can handle them, so neither asks a worker
    ///   to stop.
    public init(_ text: String) throws(InvalidValue) {
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let entry = Self.table.first(where: { $0.name == name || String($0.number) == text }) {
            number = entry.number
            return
        }
        if ["KILL", "STOP"].contains(name) || ["9", "19"].contains(text) {
            throw InvalidValue("\(quoted(text)) cannot be handled by a program: give a signal like TERM, INT or QUIT")
        }
        let suggestion = nearest(to: name, among: Self.table.map(\.name))
        let advice = suggestion.map { "did you mean \($0)?" } ?? "give a name like TERM, INT or QUIT, or its number"
        throw InvalidValue("\(quoted(text)) is not a signal: \(advice)")
    }

    /// The standard signals of Linux without SIGKILL and SIGSTOP; the first name of a number is the one printed.
    private static let table: [(name: String, number: Int32)] = [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("IOT", 6), ("BUS", 7), ("FPE", 8),
        ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15), ("STKFLT", 16),
        ("CHLD", 17), ("CONT", 18), ("TSTP", 20), ("TTIN", 21), ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25),
        ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29), ("POLL", 29), ("PWR", 30), ("SYS", 31),
    ]
}
