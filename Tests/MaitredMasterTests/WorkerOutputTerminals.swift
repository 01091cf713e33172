// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting

@testable import MaitredMaster

/// A pseudoterminal: what is written to it stays as it is, and what its screen would show can be read.
final class PlayedTerminal {
    /// What programs have as their terminal.
    let number: CInt
    private let screen: CInt
    private var isScreenOpen = true

    init() throws(TestFailure) {
        screen = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var zero: CInt = 0
        // TIOCSPTLCK unlocks it and TIOCGPTPEER opens the other side: ioctl_tty(2). Swift imports neither.
        guard screen >= 0, ioctl(screen, 0x4004_5431, &zero) == 0 else {
            throw TestFailure("cannot open a terminal", errno: errno)
        }
        number = ioctl(screen, 0x5441, O_RDWR | O_NOCTTY | O_CLOEXEC)
        var settings = termios()
        guard number >= 0, tcgetattr(number, &settings) == 0 else {
            throw TestFailure("cannot open a terminal's other side", errno: errno)
        }
        settings.c_oflag &= ~tcflag_t(OPOST)
        tcsetattr(number, TCSANOW, &settings)
    }

    deinit {
        close(number)
        hangUp()
    }

    /// What has reached the screen so far.
    func bytes() -> [UInt8] {
        var found: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(screen, &chunk, chunk.count)
            guard count > 0 else { return found }
            found += chunk[..<count]
        }
    }

    /// The next lines, this many or more: what was written passes through a kernel thread on its way to the screen.
    func lines(_ count: Int) -> [String] {
        var found: [UInt8] = []
        _ = eventually {
            found += bytes()
            return found.count { $0 == UInt8(ascii: "\n") } >= count
        }
        let text = String(decoding: found, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// What Ctrl-S and Ctrl-Q do.
    func stop(_ isStopped: Bool = true) {
        tcflow(number, isStopped ? TCOOFF : TCOON)
    }

    /// Closes the window.
    func hangUp() {
        if isScreenOpen { close(screen) }
        isScreenOpen = false
    }
}

/// What a worker writes to, in the hands of a test.
final class WorkerEnd {
    private var end: Descriptor?
    let number: CInt

    init(_ relay: OutputRelay, id: Int, slot: Int = 0, _ stream: WorkerStream = .output) throws {
        let end = try relay.open(stream, id: id, slot: slot)
        number = end.number
        self.end = consume end
    }

    /// Writes all of a text, which must fit the pipe.
    func write(_ text: String) {
        precondition(Glibc.write(number, text, text.utf8.count) == text.utf8.count)
    }

    /// Writes as much of the bytes as the pipe takes now.
    func writeSome(_ bytes: ArraySlice<UInt8>) -> Int {
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        return max(0, bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) })
    }

    /// The worker is gone.
    func close() {
        end = nil
    }
}
