// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting

/// A pseudoterminal whose screen is read as lines.
final class Terminal {
    // TIOCSPTLCK and TIOCGPTPEER of ioctl_tty(2), which Swift does not import.
    private static let unlock: UInt = 0x4004_5431
    private static let openPeer: UInt = 0x5441

    /// What a program has as its terminal.
    let number: Int32
    private let screen: Int32
    private var received: [UInt8] = []

    /// Opens one that passes bytes on as they are.
    init() throws(TestFailure) {
        screen = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var zero: Int32 = 0
        guard screen >= 0, ioctl(screen, Self.unlock, &zero) == 0 else {
            throw TestFailure("cannot open a terminal", errno: errno)
        }
        number = ioctl(screen, Self.openPeer, O_RDWR | O_NOCTTY | O_CLOEXEC)
        var settings = termios()
        guard number >= 0, tcgetattr(number, &settings) == 0 else {
            throw TestFailure("cannot open a terminal's other side", errno: errno)
        }
        settings.c_oflag &= ~tcflag_t(OPOST)
        tcsetattr(number, TCSANOW, &settings)
    }

    deinit {
        close(number)
        close(screen)
    }

    /// The whole lines on the screen so far. To be asked often: a terminal holds 4 KiB.
    func lines() -> [String] {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(screen, &chunk, chunk.count)
            guard count > 0 else { break }
            received += chunk[..<count]
        }
        let text = String(decoding: received, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Waits until the lines are as wanted.
    func waitForLines(
        within limit: Duration = .seconds(20),
        _ condition: ([String]) -> Bool
    ) throws(TestFailure) -> [String] {
        var found: [String] = []
        let isThere = eventually(within: limit) {
            found = lines()
            return condition(found)
        }
        if isThere { return found }
        throw TestFailure("not on the screen in \(limit); there was:\n\(found.suffix(60).joined(separator: "\n"))")
    }
}
