// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredConsole
import MaitredSystem

/// The terminal while one program has all of it: keys come one by one, and the screen is the alternate one.
///
/// It is given back as it was when this value goes, on whatever way; a stopped program gives it back for the time.
struct Terminal: ~Copyable {
    /// A terminal's extent, in characters.
    struct Size: Equatable {
        var columns: Int
        var lines: Int
    }

    /// Where keys are read.
    static let input = STDIN_FILENO

    private let saved: termios
    private var isOurs = false

    /// Takes the terminal.
    ///
    /// - Throws: `CommandFailure` when standard input or output is none.
    init() throws {
        var settings = termios()
        guard isatty(STDOUT_FILENO) == 1, unsafe tcgetattr(Self.input, &settings) == 0 else {
            throw CommandFailure.refused("top needs a terminal: use 'maitred status'")
        }
        saved = settings
        take()
    }

    deinit {
        if isOurs { Self.giveBack(saved) }
    }

    /// Takes it, also after another program had it.
    mutating func take() {
        var settings = saved
        // No lines, no echo, and Ctrl-S does not stop the output. Ctrl-C and Ctrl-Z go on making signals.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        settings.c_iflag &= ~tcflag_t(IXON)
        _ = unsafe tcsetattr(Self.input, TCSADRAIN, &settings)
        isOurs = true
        Self.write(Sequence.alternateScreen + Sequence.hideCursor + Sequence.clear)
    }

    /// Gives it back for a while.
    mutating func giveBack() {
        guard isOurs else { return }
        isOurs = false
        Self.giveBack(saved)
    }

    private static func giveBack(_ saved: termios) {
        var settings = saved
        write(Sequence.showCursor + Sequence.normalScreen)
        // What was typed ahead is not meant for the shell.
        _ = unsafe tcsetattr(input, TCSAFLUSH, &settings)
    }

    /// Draws the whole screen anew.
    ///
    /// - Parameters:
    ///   - lines: At most as many as the terminal has; they are cut at its width.
    ///   - size: The terminal's extent now.
    ///   - style: How they are painted.
    func draw(_ lines: [StyledLine], _ size: Size, _ style: Style) {
        var text = ""
        for (index, line) in lines.prefix(size.lines).enumerated() {
            text += Sequence.lineStart(index + 1) + line.text(style, columns: size.columns)
            // Behind a full line the cursor still stands on its last character, which would be erased.
            if line.width < size.columns { text += Sequence.eraseToEnd }
        }
        Self.write(text)
    }

    /// The extent of the terminal behind a descriptor; 80 by 24 where it does not say.
    ///
    /// Wraps `ioctl(2)` TIOCGWINSZ.
    static func size(of number: CInt) -> Size {
        var window = winsize()
        let result = unsafe withUnsafeMutablePointer(to: &window) {
            unsafe ioctl(number, UInt(TIOCGWINSZ), UnsafeMutableRawPointer($0))
        }
        guard result == 0, window.ws_col > 0, window.ws_row > 0 else { return Size(columns: 80, lines: 24) }
        return Size(columns: Int(window.ws_col), lines: Int(window.ws_row))
    }

    /// A terminal that is gone takes nothing, and its signal or the end of its input ends the program.
    private static func write(_ text: String) {
        try? StandardOutput.write(text)
    }

    /// Control sequences of xterm(1), which every terminal of today knows.
    private enum Sequence {
        static let alternateScreen = "\u{1B}[?1049h"
        static let normalScreen = "\u{1B}[?1049l"
        static let hideCursor = "\u{1B}[?25l"
        static let showCursor = "\u{1B}[?25h"
        static let clear = "\u{1B}[2J"
        static let eraseToEnd = "\u{1B}[K"

        static func lineStart(_ line: Int) -> String { "\u{1B}[\(line);1H" }
    }
}
